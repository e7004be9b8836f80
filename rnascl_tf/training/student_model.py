"""Training of the slim student: eq. 3 with a teacher, the task alone without.

On attacked images the student sees x' and the teacher x:
CE(y, p(x')) + KL(p(x'), q(x)) + gamma_t L_attn(A_t(x), A_s(x')). With TRADES the teacher teaches the
clean images alone, and the attacked ones must agree with the student's own clean prediction:
CE(y, p(x)) + beta KL(p(x) || p(x')) + KL(p(x), q(x)) + gamma_t L_attn(A_t(x), A_s(x)).
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.layers import AttentionMaps
from rnascl_tf.networks import student_taps
from rnascl_tf.objectives import Terms, distillation_loss
from rnascl_tf.training.adversarial.hardening import PLAIN, Hardening
from rnascl_tf.training.classifier_model import ClassifierModel
from rnascl_tf.training.metrics import active_terms
from rnascl_tf.training.teacher_signals.source import TeacherSignals
from rnascl_tf.training.training_model import Batch
from rnascl_tf.training.tutors import one_hot_tutors


class StudentModel(ClassifierModel):
    """A student and what teaches it.

    Args:
        student: from `build_student`.
        signals: what the teacher says; None trains without it (the baseline).
        tutors: the tutor's name of every student layer, {student tap: teacher tap}; every tap of
            the student needs one. None leaves the attention term out.
        attention_size: side of the maps; the same as the teacher's.
        gamma: gamma_t of eq. 3.
        kl: whether the KL term is in.
        kl_first: whose prediction stands first in it, see `kl_divergence`.
        hardening: attack, labels, and average.

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
        kl_first: str = "student",
        hardening: Hardening = PLAIN,
    ) -> None:
        kl = kl and signals is not None
        attention = signals is not None and tutors is not None
        super().__init__(
            student, hardening, terms=active_terms(kl, attention), name="student_training"
        )
        self.student = student_taps(student)
        self.signals = signals
        self.gamma = gamma
        self.kl, self.kl_first = kl, kl_first
        self.attention_maps = AttentionMaps(attention_size)
        self.tutor_weights = None
        if signals is not None and tutors is not None:
            self.tutor_weights = tf.constant(
                one_hot_tutors(tuple(self.student.output["taps"]), signals.teacher_layers, tutors)
            )
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, Any]:
        """Returns the student's logits and taps."""
        return self.student(images, training=training)

    def logits_of(self, outputs: dict[str, Any]) -> tf.Tensor:
        """Returns the logits among the outputs of `call`."""
        return outputs["logits"]

    def loss_terms(self, batch: Batch) -> tuple[Terms, tf.Tensor]:
        """Returns the `Terms` of eq. 3 and the student's logits, from one forward pass of it.

        TRADES needs a second one, of the attacked images; eq. 3's other terms are those of the first.
        """
        task, outputs = self.task(batch)
        if self.signals is None:
            return task, outputs["logits"]
        signals = self.signals(batch)
        terms = distillation_loss(
            task.loss,
            outputs["logits"],
            self.attention_maps(list(outputs["taps"].values())),
            signals.logits,
            signals.maps,
            tutor_weights=self.tutor_weights,
            gamma=self.gamma,
            kl=self.kl,
            kl_first=self.kl_first,
        )
        return terms._replace(cross_entropy=task.cross_entropy), outputs["logits"]
