"""Which number format a teacher's signals are computed in: float32 unless something else is asked for.

bfloat16 is several times faster where the processor multiplies it in hardware, and slower elsewhere, so
that "auto" measures it on the machine at hand. A choice by a clock is another one on another day: a run
keeps the one that it has made. Weights and batch norm's statistics stay float32.
"""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from teachers.errors import TeacherError
from teachers.teacher import Signals, Teacher

PRECISIONS = ("auto", "float32", "bfloat16")
"""What can be requested."""

LOGITS_TOLERANCE = 0.05
"""Largest difference of logits that counts as agreement, as a fraction of the largest logit. bfloat16
has 8 bits, an error of 0.004 in each layer."""

MAPS_TOLERANCE = 0.05
"""Largest L2 distance of maps that counts as agreement; eq. 1's distances go up to sqrt(2)."""

WORTHWHILE = 0.5
"""bfloat16 must take less than this fraction of float32's time. Below it the hardware multiplies it;
above it two timings on a busy machine choose differently."""

BATCH = 32
ROUNDS = 3


@dataclass(frozen=True)
class PrecisionChoice:
    """What was measured and chosen.

    Attributes:
        chosen: "float32" or "bfloat16".
        asked: what was requested, one of `PRECISIONS`.
        seconds_per_image: of the signals, by precision; empty where nothing was measured.
        logits_error: largest difference of logits as a fraction of the largest logit, or None.
        maps_error: largest L2 distance of two maps, or None.
        images: how many images were compared.
    """

    chosen: str
    asked: str
    seconds_per_image: Mapping[str, float]
    logits_error: float | None = None
    maps_error: float | None = None
    images: int = 0

    def __str__(self) -> str:
        text = f"signals are computed in {self.chosen}"
        if self.logits_error is None or self.maps_error is None:
            return f"{text}, as asked"
        float32, bfloat16 = (1000 * self.seconds_per_image[name] for name in PRECISIONS[1:])
        return (
            f"{text} ({'measured' if self.asked == 'auto' else 'as asked'}: float32 {float32:.2f} "
            f"ms/image, bfloat16 {bfloat16:.2f}; bfloat16's logits differ by "
            f"{100 * self.logits_error:.1f}%, its maps by {self.maps_error:.3f})"
        )


def choose_precision(
    teacher: Teacher, images: np.ndarray, asked: str = "float32"
) -> PrecisionChoice:
    """Decides in which precision a teacher's signals are computed on this machine.

    Args:
        teacher: in float32.
        images: float32 [N, height, width, channels] in [0, 1], N at least 1; the first 32 are used.
        asked: "auto" measures both; "bfloat16" is checked for agreement; "float32" needs no check.

    Raises:
        TeacherError: `asked` is unknown, or it is bfloat16, which does not agree.
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


def _differences(wanted: Signals, found: Signals) -> tuple[float, float]:
    """Returns the errors of logits and maps, as `PrecisionChoice` has them."""
    logits_error = np.abs(found.logits - wanted.logits).max() / np.abs(wanted.logits).max()
    maps_error = np.linalg.norm(found.maps - wanted.maps, axis=-1).max()
    return _finite(logits_error), _finite(maps_error)


def _finite(error: float) -> float:
    # Infinity for NaN, so that it is over any tolerance.
    return float(error) if np.isfinite(error) else float("inf")


def _seconds_per_image(teachers: Mapping[str, Teacher], images: np.ndarray) -> dict[str, float]:
    """Returns the medians of interleaved rounds, so that a busy moment hits both."""
    rounds: dict[str, list[float]] = {name: [] for name in teachers}
    for _ in range(ROUNDS):
        for name, teacher in teachers.items():
            started = time.perf_counter()
            teacher.signals(images).logits.numpy()
            rounds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) / len(images) for name, times in rounds.items()}
