"""Training of a classifier on labels, with clean images or attacked ones.

A plain training minimises CE(y, p(x)). With an attack on the labels (PGD, FGSM-RS, N-FGSM) the network
sees the attacked images, CE(y, p(x')), and the clean ones as well if they are given a weight; with
TRADES both: CE(y, p(x)) + beta KL(p(x) || p(x')).
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.objectives import Terms, cross_entropy, trades_loss
from rnascl_tf.training.adversarial.folded_network import FoldedNetwork
from rnascl_tf.training.adversarial.hardening import PLAIN, Hardening
from rnascl_tf.training.adversarial.weight_average import WeightAverage
from rnascl_tf.training.metrics import TermMeans, active_terms
from rnascl_tf.training.training_model import Batch, TrainingModel


class ClassifierModel(TrainingModel):
    """A classifier and how it is trained.

    The inner attack sees the network in evaluation mode, the step in training mode. To batch norm the
    clean and the attacked images of TRADES are two batches, and both move its statistics, as in the
    code of TRADES' authors.

    Args:
        classifier: a Keras model, images in [0, 1] -> logits.
        hardening: attack, labels, and average.
        terms: names of the loss terms that are logged.

    Attributes:
        validated: the network that validation judges and that is worth saving: the averaged twin of
            `classifier`, or `classifier` itself.
        best: (robust validation accuracy, epoch) of the best epoch so far, for `BestEpoch`.
        own_part: part of the labels that the averaged network's predictions replace now.
    """

    def __init__(
        self,
        classifier: keras.Model,
        hardening: Hardening = PLAIN,
        *,
        terms: tuple[str, ...] = active_terms(kl=False, attention=False),
        name: str = "classifier_training",
    ) -> None:
        super().__init__(name=name)
        self.classifier = classifier
        self.hardening = hardening
        self.validated = classifier
        # Attributes of the model, so that they are saved with the training state. A plain training
        # has none of them: its state is that of runs made before there were attacks.
        self._average = None
        if hardening.average:
            self._average = WeightAverage(classifier, hardening.average)
            self.validated = self._average.model
            self._averaged_steps = self._average.steps
        if hardening.seed_generator is not None:
            self.start_seeds = hardening.seed_generator
        self._attackable = None if hardening.attack is None else FoldedNetwork(classifier)
        if hardening.validation is not None:
            folded = None if hardening.average else self._attackable
            self._judged = folded or FoldedNetwork(self.validated)
            self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy(name="robust_accuracy")
            self.best = self._variable((2,), -1.0, "best")
        if hardening.self_distillation:
            self.own_part = self._variable((), 0.0, "own_part")
        extra = ["adversarial_divergence"] if hardening.by_trades else []
        self.means = TermMeans(*extra, terms=terms)
        self.built = True

    def _variable(self, shape: tuple[int, ...], value: float, name: str) -> keras.Variable:
        constant = keras.initializers.Constant(value)
        return self.add_weight(shape=shape, initializer=constant, trainable=False, name=name)

    @property
    def weight_variables(self) -> list[keras.Variable]:
        """The classifier's trainable variables."""
        return self.classifier.trainable_variables

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, and the accuracy under attack that validation measures."""
        judged = self.hardening.validation is not None
        return [*super().metrics, *([self.robust_accuracy] if judged else [])]

    @property
    def validation_seeds(self) -> list[keras.Variable]:
        """That of the random starts, if validation is under attack."""
        judge = self.hardening.validation
        return [] if judge is None else [judge.seed_generator.state]

    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Returns the classifier's outputs."""
        return self.classifier(images, training=training)

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the classifier's logits in evaluation mode, float [batch, classes]."""
        return self.classifier(images, training=False)

    def attacked(self, batch: Batch) -> Batch:
        """Returns the batch with the images of the attack, if there is one, as "attacked"."""
        return self.hardening.attacked(self._attackable, batch)

    def targets(self, batch: Batch) -> tf.Tensor:
        """Returns y: the labels, integer [batch], or what smoothing and the average make of them."""
        smoothed = self.hardening.labels(batch["label"], self.validated.output_shape[-1])
        if not self.hardening.self_distillation:
            return smoothed

        def rectified() -> tf.Tensor:
            own = tf.nn.softmax(self.validated(batch["image"], training=False))
            return smoothed + self.own_part * (tf.stop_gradient(own) - smoothed)

        # Early epochs do not pay for a prediction that has no weight yet.
        return tf.cond(self.own_part > 0.0, rectified, lambda: smoothed)

    def task(self, batch: Batch) -> tuple[Terms, Any]:
        """Returns the task's `Terms`, and the outputs that teach the rest of the loss.

        Called inside the gradient tape.

        Args:
            batch: from `attacked`.

        Returns:
            (terms, outputs): of the attacked images where the attack is on the labels, of the clean
            ones where there is none and for TRADES. `cross_entropy` is that of these images.
        """
        hardening, targets = self.hardening, self.targets(batch)
        attacked = batch.get("attacked")
        alone = attacked is not None and not hardening.by_trades
        outputs = self(attacked if alone else batch["image"], training=True)
        logits = self.logits_of(outputs)
        if not hardening.by_trades:
            task = loss = cross_entropy(targets, logits)
            if alone and hardening.clean_weight:
                clean = self.logits_of(self(batch["image"], training=True))
                loss += hardening.clean_weight * cross_entropy(targets, clean)
            return Terms(loss, task), outputs
        attacked_logits = self.logits_of(self(attacked, training=True))
        trades = trades_loss(targets, logits, attacked_logits, hardening.beta)
        self.means["adversarial_divergence"].update_state(trades.adversarial_divergence)
        return Terms(trades.loss, trades.cross_entropy), outputs

    def logits_of(self, outputs: Any) -> tf.Tensor:
        """Returns the logits among the classifier's outputs."""
        return outputs

    def loss_terms(self, batch: Batch) -> tuple[Terms, tf.Tensor]:
        """Returns the `Terms` and the logits of one forward pass, two for TRADES."""
        terms, outputs = self.task(batch)
        return terms, self.logits_of(outputs)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on the whole batch; the logged accuracy is that of the images it trained on."""
        batch = self.attacked(batch)  # over before the tape begins to record
        with tf.GradientTape() as tape:
            terms, logits = self.loss_terms(batch)
        self.descend(self.optimizer, self.weight_variables, tape, terms.loss)
        if self._average is not None:
            self._average.update()
        self.means.update(batch["label"], logits, terms)
        return self.means.results()

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy of `validated` in evaluation mode, and its robust accuracy."""
        images, labels = batch["image"], batch["label"]
        results = self.means.evaluate(labels, self.validated(images, training=False))
        judge = self.hardening.validation
        if judge is None:
            return results
        attacked = judge(self._judged.with_present_weights(), images, labels)
        self.robust_accuracy.update_state(labels, self.validated(attacked, training=False))
        return results | {"robust_accuracy": self.robust_accuracy.result()}
