"""Where a training step gets the teacher's logits and attention maps from.

A source is a callable: batch (dict with "image", "label", "index") -> `teachers.Signals(logits,
maps)`. Computing them live and reading them from a store keyed by "index" are interchangeable.
"""

from typing import Protocol

import tensorflow as tf

from teachers import Signals, Teacher


class TeacherSignals(Protocol):
    """The interface: `teacher_layers`, the names of the tutors, and a call for each batch."""

    teacher_layers: tuple[str, ...]

    def __call__(self, batch: dict[str, tf.Tensor]) -> Signals:
        """Returns logits float32 [batch, classes] and maps float32 [batch, n_t, pixels]."""


class LiveSignals:
    """Runs the teacher on each batch.

    Args:
        teacher: whose signals they are.
    """

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.teacher_layers = tuple(teacher.tap_names)

    def __call__(self, batch: dict[str, tf.Tensor]) -> Signals:
        """Returns the teacher's signals for the batch's images, without gradients."""
        return self._teacher.signals(batch["image"])
