"""PGD adversarial training of a native teacher (Madry et al. 2018)."""

import keras
import tensorflow as tf

from rnascl_tf.objectives import Terms, cross_entropy
from rnascl_tf.robustness import projected_gradient
from rnascl_tf.training.metrics import TermMeans
from rnascl_tf.training.training_model import TrainingModel


class AdversarialModel(TrainingModel):
    """A classifier trained on PGD images made against itself.

    The inner attack sees the network in evaluation mode, the weights' step in training mode.

    Args:
        classifier: a Keras model, images in [0, 1] -> logits.
        threat_model: a `ThreatModel`.
        attack_steps: number of inner PGD steps, at least 1.
        attack_step_size: of one step, in parts of epsilon.
        seed: of the random starts.
    """

    def __init__(self, classifier, threat_model, *, attack_steps, attack_step_size, seed=0):
        super().__init__(name="adversarial_training")
        self.classifier = classifier
        self.threat_model = threat_model
        self.attack_steps = attack_steps
        self.step_size = attack_step_size * threat_model.epsilon
        self.start_seeds = keras.random.SeedGenerator(seed)
        self.means = TermMeans(terms=("loss", "cross_entropy"))
        self.built = True

    @property
    def weight_variables(self):
        """The classifier's trainable variables."""
        return self.classifier.trainable_variables

    def call(self, images, training=False):
        """Returns logits."""
        return self.classifier(images, training=training)

    def train_step(self, batch):
        """One step on the batch's adversarial images; the logged accuracy is theirs."""
        labels = batch["label"]
        images = self._attack(batch)
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            task = cross_entropy(labels, logits)
        self.descend(self.optimizer, self.weight_variables, tape, task)
        self.means.update(labels, logits, Terms(task, task))
        return self.means.results()

    def test_step(self, batch):
        """Cross-entropy and accuracy on PGD images, in evaluation mode."""
        return self.means.evaluate(batch["label"], self(self._attack(batch), training=False))

    def _attack(self, batch):
        return projected_gradient(
            self.classifier,
            batch["image"],
            batch["label"],
            self.threat_model,
            self.attack_steps,
            self.step_size,
            seed_generator=self.start_seeds,
        )
