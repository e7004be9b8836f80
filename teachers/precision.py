"""Which number format a teacher's signals are computed in: the faster one that agrees (issue 4, 7).

bfloat16 is several times faster where the processor multiplies it in hardware, and slower elsewhere;
only a measurement on the machine at hand tells. Weights and batch norm's statistics stay float32.
"""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.errors import TeacherError
from teachers.layers.constant_layers import ConstantArithmetic

PRECISIONS = ("auto", "float32", "bfloat16")
"""What can be asked for."""

LOGITS_TOLERANCE = 0.05
"""Largest difference of logits that counts as agreement, in parts of the largest logit. bfloat16 has
8 bits, an error of 0.004 in each layer."""

MAPS_TOLERANCE = 0.05
"""Likewise for maps: L2 distance, where eq. 1's own distances go up to sqrt(2)."""

WORTHWHILE = 0.9
"""bfloat16 must take less than this part of float32's time: two timings of one thing differ by it."""

BATCH = 32
ROUNDS = 3


@dataclass(frozen=True)
class PrecisionChoice:
    """What was measured, and what follows.

    Attributes:
        chosen: "float32" or "bfloat16".
        asked: one of `PRECISIONS`.
        seconds_per_image: of the signals, by precision; empty where nothing was measured.
        logits_error: largest difference of logits in parts of the largest logit, or None.
        maps_error: largest L2 distance of two maps, or None.
        images: how many images were compared.
    """

    chosen: str
    asked: str
    seconds_per_image: Mapping[str, float]
    logits_error: float | None = None
    maps_error: float | None = None
    images: int = 0

    def __str__(self):
        text = f"signals are computed in {self.chosen}"
        if not self.seconds_per_image:
            return f"{text}, as asked"
        float32, bfloat16 = (1000 * self.seconds_per_image[name] for name in PRECISIONS[1:])
        return (
            f"{text} ({'measured' if self.asked == 'auto' else 'as asked'}: float32 {float32:.2f} "
            f"ms/image, bfloat16 {bfloat16:.2f}; bfloat16's logits differ by "
            f"{100 * self.logits_error:.1f}%, its maps by {self.maps_error:.3f})"
        )


def model_in_bfloat16(model: keras.Model) -> keras.Model:
    """Returns a copy of a functional model whose layers compute in bfloat16, weights in float32.

    Pixels are normalised in float32: their 8 bits would not survive a subtraction in bfloat16.
    """

    def clone(layer):
        settings = layer.get_config()
        if isinstance(layer, keras.layers.Layer) and not isinstance(
            layer, PixelNormalization | ConstantArithmetic | keras.layers.InputLayer
        ):  # an operation, such as x * 2.0, computes in what it is given
            settings["dtype"] = "mixed_bfloat16"
        return layer.__class__.from_config(settings)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    copy.trainable = False
    return copy


def choose_precision(teacher, images: np.ndarray, asked: str = "auto") -> PrecisionChoice:
    """Decides in which precision a teacher's signals are computed on this machine.

    Args:
        teacher: a `Teacher` in float32.
        images: float32 [N, height, width, channels] in [0, 1], N at least 1; the first 32 count.
        asked: "auto" measures; "bfloat16" is checked for agreement; "float32" needs nothing.

    Raises:
        TeacherError: `asked` is unknown, or bfloat16 was asked for and does not agree.
    """
    if asked not in PRECISIONS:
        raise TeacherError(f"precision {asked!r} is unknown; give one of {', '.join(PRECISIONS)}.")
    if asked == "float32":
        return PrecisionChoice("float32", asked, {})
    images = images[:BATCH]
    teachers = {name: teacher.in_precision(name) for name in PRECISIONS[1:]}
    signals = {name: each.signals(images) for name, each in teachers.items()}
    logits_error, maps_error = _differences(signals["float32"], signals["bfloat16"])
    agrees = logits_error <= LOGITS_TOLERANCE and maps_error <= MAPS_TOLERANCE
    if asked == "bfloat16" and not agrees:
        raise TeacherError(
            f"teacher {teacher.name} in bfloat16 differs from float32 by {logits_error:.2g} in its "
            f"logits and {maps_error:.2g} in its maps, wanted at most {LOGITS_TOLERANCE} and "
            f"{MAPS_TOLERANCE}; use float32 or auto."
        )
    seconds = _seconds_per_image(teachers, images)
    is_faster = seconds["bfloat16"] < WORTHWHILE * seconds["float32"]
    chosen = "bfloat16" if asked == "bfloat16" or (agrees and is_faster) else "float32"
    return PrecisionChoice(chosen, asked, seconds, logits_error, maps_error, len(images))


def _differences(wanted, found):
    logits_error = np.abs(found.logits - wanted.logits).max() / np.abs(wanted.logits).max()
    maps_error = np.linalg.norm(found.maps - wanted.maps, axis=-1).max()
    # Not a number is no agreement.
    return tuple(float(e) if np.isfinite(e) else float("inf") for e in (logits_error, maps_error))


def _seconds_per_image(teachers, images):
    """Returns the medians of interleaved rounds, so that a busy moment hits both."""
    rounds = {name: [] for name in teachers}
    for _ in range(ROUNDS):
        for name, teacher in teachers.items():
            started = time.perf_counter()
            teacher.signals(images).logits.numpy()
            rounds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) / len(images) for name, times in rounds.items()}
