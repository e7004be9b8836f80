"""The attention maps of Figure 2b: a student layer, its tutor, and a rejected teacher layer."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.layers import attention_maps
from rnascl_tf.networks import student_taps
from rnascl_tf.training import SearchDiagnostics
from teachers import Teacher

SHOWN_LAYERS = 3

_FLAT = 1e-4
"""A map whose values spread by less, relative to their largest, shows nothing."""


@dataclasses.dataclass(frozen=True, eq=False)
class AttentionPanel:
    """The maps of one student layer on some images.

    Attributes:
        layer: name of the student layer.
        teacher_layers: names of its tutor and, where one is known, of the rejected layer.
        maps: float32 [1 + teacher layers, images, size, size]: the student's, then theirs; each map
            has L2 norm 1 (0 where a layer is silent).
    """

    layer: str
    teacher_layers: tuple[str, ...]
    maps: np.ndarray

    @property
    def distances(self) -> np.ndarray:
        """The norms that eq. 1 sums, float32 [teacher layers, images], from 0 to sqrt(2)."""
        return np.sqrt(np.square(self.maps[1:] - self.maps[:1]).sum(axis=(-2, -1)))


def attention_panels(
    student: keras.Model,
    teacher: Teacher,
    tutors: Mapping[str, str],
    rejected: Mapping[str, str],
    images: np.ndarray,
) -> list[AttentionPanel]:
    """Computes the panels of the first, middle and last student layer whose maps show anything.

    Args:
        student: trained.
        teacher: that taught it.
        tutors: {student layer: teacher layer}.
        rejected: {student layer: teacher layer}; empty where no probabilities are known.
        images: float32 [images, height, width, 3] in [0, 1].

    Returns:
        Up to three panels, shallow to deep; none if every map is constant.
    """
    taps = student_taps(student)(images, training=False)["taps"]
    student_maps = _by_layer(
        taps.keys(), attention_maps(list(taps.values()), teacher.attention_size), teacher
    )
    teacher_maps = _by_layer(teacher.tap_names, teacher.signals(images).maps, teacher)
    visible = [name for name in tutors if not _is_flat(student_maps[name])]
    panels = []
    for name in _spread(visible, SHOWN_LAYERS):
        others = (tutors[name], *([rejected[name]] if name in rejected else []))
        maps = np.stack([student_maps[name], *(teacher_maps[other] for other in others)])
        panels.append(AttentionPanel(name, others, maps))
    return panels


def least_probable(diagnostics: SearchDiagnostics) -> dict[str, str]:
    """Returns {student layer: the teacher layer of least probability} after the last epoch."""
    return {
        str(layer): str(diagnostics.teacher_layers[row.argmin()])
        for layer, row in zip(diagnostics.student_layers, diagnostics.tutors[-1], strict=True)
    }


def _by_layer(
    names: Iterable[str], maps: tf.Tensor | np.ndarray, teacher: Teacher
) -> dict[str, np.ndarray]:
    """Returns {layer: [images, size, size]} of maps [images, layers, size * size]."""
    size = teacher.attention_size
    maps = np.asarray(maps).reshape(len(maps), -1, size, size)
    return {name: maps[:, place] for place, name in enumerate(names)}


def _is_flat(maps: np.ndarray) -> bool:
    low, high = maps.min(axis=(-2, -1)), maps.max(axis=(-2, -1))
    return bool(np.all(high - low <= _FLAT * high))


def _spread(names: Sequence[str], count: int) -> list[str]:
    """Returns `count` evenly spaced names, from first to last, or all if there are fewer."""
    if len(names) <= count:
        return list(names)
    return [names[i * (len(names) - 1) // (count - 1)] for i in range(count)]
