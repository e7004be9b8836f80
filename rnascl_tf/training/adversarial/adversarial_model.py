"""Adversarial training of a native teacher: PGD (Madry et al. 2018) or TRADES (Zhang et al. 2019)."""

from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.objectives import Terms, cross_entropy
from rnascl_tf.objectives.trades import TradesTerms, trades_loss
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training.adversarial.training_attack import TrainingAttack
from rnascl_tf.training.adversarial.weight_average import WeightAverage
from rnascl_tf.training.metrics import TermMeans
from rnascl_tf.training.training_model import Batch, TrainingModel


class AdversarialModel(TrainingModel):
    """A classifier trained on PGD images made against itself.

    The inner attack sees the network in evaluation mode, the weights' step in training mode.

    Args:
        classifier: a Keras model, images in [0, 1] -> logits.
        threat_model: its epsilon is above 0.
        attack_steps: number of inner PGD steps, at least 1.
        attack_step_size: of one step, in parts of epsilon.
        average: decay of the weights' moving average in [0, 1); 0 keeps none.
        seed: of the random starts.

    Attributes:
        validated: the network that validation attacks and that is worth saving: the averaged twin
            of `classifier`, or `classifier` itself.
        best: (accuracy, epoch) of the best validation so far, for `BestEpoch`.
    """

    term_names: tuple[str, ...] = ("loss", "cross_entropy")

    def __init__(
        self,
        classifier: keras.Model,
        threat_model: ThreatModel,
        *,
        attack_steps: int,
        attack_step_size: float,
        average: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="adversarial_training")
        self.classifier = classifier
        self._average = WeightAverage(classifier, average) if average else None
        self.validated = self._average.model if self._average else classifier
        if self._average:
            self._averaged_steps = self._average.steps  # an attribute, so that it is saved
        self.best = self.add_weight(
            shape=(2,), initializer=keras.initializers.Constant(-1.0), trainable=False, name="best"
        )
        # An attribute of the model, so that it is saved with the training state.
        self.start_seeds = keras.random.SeedGenerator(seed)
        self.attack = TrainingAttack(threat_model, attack_steps, attack_step_size, self.start_seeds)
        self.means = TermMeans(terms=self.term_names)
        self.built = True

    @property
    def weight_variables(self) -> list[keras.Variable]:
        """The classifier's trainable variables."""
        return self.classifier.trainable_variables

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns logits."""
        return self.classifier(images, training=training)

    def attacked(self, batch: Batch) -> tf.Tensor:
        """Returns the images that the step trains on, of the shape of the batch's."""
        return self.attack.against_labels(self.classifier, batch["image"], batch["label"])

    def loss_terms(
        self, batch: Batch, attacked: tf.Tensor
    ) -> tuple[Terms | TradesTerms, tf.Tensor]:
        """Returns the loss terms and the logits of the attacked images, in training mode."""
        logits = self(attacked, training=True)
        task = cross_entropy(batch["label"], logits)
        return Terms(task, task), logits

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step; the logged accuracy is that on the attacked images."""
        attacked = self.attacked(batch)
        with tf.GradientTape() as tape:
            terms, logits = self.loss_terms(batch, attacked)
        self.descend(self.optimizer, self.weight_variables, tape, terms.loss)
        if self._average:
            self._average.update()
        self.means.update(batch["label"], logits, terms)
        return self.means.results()

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy of `validated` on PGD images, in evaluation mode."""
        attacked = self.attack.against_labels(self.validated, batch["image"], batch["label"])
        return self.means.evaluate(batch["label"], self.validated(attacked, training=False))


class TradesAdversarialModel(AdversarialModel):
    """A classifier trained by TRADES: loss and inner attack are those of the student's fine-tuning.

    Clean and attacked images are two batches to batch norm, and both move its statistics, as in the
    code of TRADES' authors.

    Args:
        classifier: a Keras model, images in [0, 1] -> logits.
        threat_model: its epsilon is above 0.
        beta: weight of the divergence.
        **options: of `AdversarialModel`.
    """

    term_names = TradesTerms._fields

    def __init__(
        self, classifier: keras.Model, threat_model: ThreatModel, *, beta: float, **options: Any
    ) -> None:
        super().__init__(classifier, threat_model, **options)
        self.beta = beta

    def attacked(self, batch: Batch) -> tf.Tensor:
        """Returns the images whose prediction is furthest from the clean one."""
        return self.attack.against_prediction(self.classifier, batch["image"])

    def loss_terms(self, batch: Batch, attacked: tf.Tensor) -> tuple[TradesTerms, tf.Tensor]:
        """Returns the loss terms and the logits of the attacked images, in training mode."""
        clean_logits = self(batch["image"], training=True)
        logits = self(attacked, training=True)
        return trades_loss(batch["label"], clean_logits, logits, self.beta), logits
