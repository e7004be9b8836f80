"""Training of the slim student: eq. 3 with a teacher, cross-entropy alone without."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.layers import AttentionMaps
from rnascl_tf.networks import student_taps
from rnascl_tf.objectives import Terms, cross_entropy, distillation_loss
from rnascl_tf.training.metrics import TermMeans, active_terms
from rnascl_tf.training.teacher_signals.source import TeacherSignals
from rnascl_tf.training.training_model import Batch, TrainingModel
from rnascl_tf.training.tutors import one_hot_tutors


class StudentModel(TrainingModel):
    """A student and what teaches it.

    Args:
        student: from `build_student`.
        signals: what the teacher says; None trains with cross-entropy alone (the baseline).
        tutors: the tutor's name of every student layer, {student tap: teacher tap}; every tap of
            the student needs one. None leaves the attention term out.
        attention_size: side of the maps; the same as the teacher's.
        gamma: gamma_t of eq. 3.
        kl: whether the KL term is in.

    Raises:
        ArchitectureError: a student tap has no tutor, or a tutor is not a layer of the teacher.
    """

    def __init__(
        self,
        student: keras.Model,
        signals: TeacherSignals | None = None,
        tutors: Mapping[str, str] | None = None,
        *,
        attention_size: int = 14,
        gamma: float = 1.0,
        kl: bool = True,
    ) -> None:
        super().__init__(name="student_training")
        self.student = student_taps(student)
        self.signals = signals
        self.gamma = gamma
        self.kl = kl and signals is not None
        self.attention_maps = AttentionMaps(attention_size)
        self.tutor_weights = None
        if signals is not None and tutors is not None:
            self.tutor_weights = tf.constant(
                one_hot_tutors(tuple(self.student.output["taps"]), signals.teacher_layers, tutors)
            )
        self.means = TermMeans(terms=active_terms(self.kl, self.tutor_weights is not None))
        self.built = True

    @property
    def weight_variables(self) -> list[keras.Variable]:
        """The student's trainable variables."""
        return self.student.trainable_variables

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, Any]:
        """Returns the student's logits and taps."""
        return self.student(images, training=training)

    def task_loss(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor:
        """Returns the task term of eq. 3, CE(y, p); called inside the gradient tape.

        Args:
            batch: a training batch.
            logits: the student's, of the clean images, in training mode.
        """
        return cross_entropy(batch["label"], logits)

    def loss_terms(self, batch: Batch) -> tuple[Terms, tf.Tensor]:
        """Returns the `Terms` of eq. 3 and the student's logits, from one forward pass."""
        outputs = self(batch["image"], training=True)
        logits = outputs["logits"]
        task = self.task_loss(batch, logits)
        if self.signals is None:
            return Terms(task, task), logits
        signals = self.signals(batch)
        terms = distillation_loss(
            task,
            logits,
            self.attention_maps(list(outputs["taps"].values())),
            signals.logits,
            signals.maps,
            tutor_weights=self.tutor_weights,
            gamma=self.gamma,
            kl=self.kl,
        )
        return terms, logits

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step on the whole batch."""
        with tf.GradientTape() as tape:
            terms, logits = self.loss_terms(batch)
        self.descend(self.optimizer, self.weight_variables, tape, terms.loss)
        self.means.update(batch["label"], logits, terms)
        return self.means.results()

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy in evaluation mode."""
        logits = self(batch["image"], training=False)["logits"]
        return self.means.evaluate(batch["label"], logits)
