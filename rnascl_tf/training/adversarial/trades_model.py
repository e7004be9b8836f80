"""TRADES fine-tuning of the student (Zhang et al. 2019): eq. 3 with another task term.

CE(y, p(x)) + beta KL(p(x) || p(x')) + KL(p(x), q(x)) + gamma_t L_attn(x): the teacher speaks of the
clean images x only, the attacked ones x' must agree with the student's own clean prediction.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.objectives import Terms, cross_entropy
from rnascl_tf.objectives.trades import trades_loss
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training.adversarial.training_attack import TrainingAttack
from rnascl_tf.training.metrics import TermMeans, active_terms
from rnascl_tf.training.student_model import StudentModel
from rnascl_tf.training.teacher_signals.source import TeacherSignals
from rnascl_tf.training.training_model import Batch


class TradesModel(StudentModel):
    """A trained student, what teaches it, and the attacker.

    The inner attack sees the student in evaluation mode; the step sees it in training mode, once on
    the clean and once on the attacked images. These are two batches to batch norm, and both move its
    statistics, as in the code of TRADES' authors: evaluation meets images of both kinds.

    Args:
        student: from `build_student`, trained.
        signals, tutors: as for `StudentModel`.
        threat_model: its epsilon is above 0.
        beta: weight of the divergence.
        attack_steps: number of inner steps, at least 1.
        attack_step_size: of one step, in parts of epsilon.
        seed: of the attack's random starts.
        **options: of `StudentModel`.
    """

    def __init__(
        self,
        student: keras.Model,
        signals: TeacherSignals | None = None,
        tutors: Mapping[str, str] | None = None,
        *,
        threat_model: ThreatModel,
        beta: float,
        attack_steps: int,
        attack_step_size: float,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(student, signals, tutors, **options)
        self.beta = beta
        # An attribute of the model, so that it is saved with the training state.
        self.start_seeds = keras.random.SeedGenerator(seed)
        self.attack = TrainingAttack(threat_model, attack_steps, attack_step_size, self.start_seeds)
        terms = active_terms(self.kl, self.tutor_weights is not None)
        self.means = TermMeans("adversarial_divergence", terms=terms)
        self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy(name="robust_accuracy")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, and the accuracy under attack that validation measures."""
        return [*super().metrics, self.robust_accuracy]

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on the whole batch; the attack is over before the tape begins to record."""
        attacked = self.attack.against_prediction(self.logits, batch["image"])
        return super().train_step(batch | {"attacked": attacked})

    def task_loss(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor:
        """Returns the TRADES loss.

        Args:
            batch: a training batch with "attacked" images beside the clean ones.
            logits: the student's, of the clean images, in training mode.
        """
        attacked_logits = self(batch["attacked"], training=True)["logits"]
        terms = trades_loss(batch["label"], logits, attacked_logits, self.beta)
        self.means["adversarial_divergence"].update_state(terms.adversarial_divergence)
        return terms.loss

    def loss_terms(self, batch: Batch) -> tuple[Terms, tf.Tensor]:
        """Returns the `Terms`, "cross_entropy" that of the clean images alone, and their logits."""
        terms, logits = super().loss_terms(batch)
        return terms._replace(cross_entropy=cross_entropy(batch["label"], logits)), logits

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy in evaluation mode, and the accuracy on PGD images."""
        attacked = self.attack.against_labels(self.logits, batch["image"], batch["label"])
        self.robust_accuracy.update_state(batch["label"], self.logits(attacked))
        return super().test_step(batch) | {"robust_accuracy": self.robust_accuracy.result()}

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the student's logits in evaluation mode, float32 [batch, classes]."""
        return self(images, training=False)["logits"]
