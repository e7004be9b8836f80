"""The threat model: what an attacker may change, and by how much (docs/design.md, "Contracts").

An adversarial image differs from the clean one by at most `epsilon` in every pixel value (the L-inf
norm) or in the root of the summed squares of all of them (L2), and stays inside the pixel bounds.
Epsilon is in pixel units of [0, 1]: 8/255, never 8.
"""

import dataclasses
import fractions
import math
import numbers
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnascl_tf.errors import UserError

NORMS = ("linf", "l2")
SPACES = ("pixel", "normalized")
LARGEST_L2 = 20.0
"""Largest accepted epsilon in L2: an all-gray 32x32 image is at most 27.7 away from any other, and
published L2 thresholds end at 5."""


class RobustnessError(UserError):
    """A robustness measurement that would be meaningless; the message names reason and fix."""


@dataclasses.dataclass(frozen=True)
class ThreatModel:
    """The set of perturbations an attack may use.

    Attributes:
        epsilon: largest change in the norm, in units of the [0, 1] range; 0 to 1 for L-inf, to 20
            for L2. With space="normalized", in units of the normalised images: these limits are
            divided by the smallest standard deviation.
        norm: "linf" or "l2".
        bounds: lowest and highest pixel value, inside [0, 1]; pixel values in both spaces.
        space: "pixel", or "normalized": changes are divided by `std` before they are measured,
            as in code that attacks images after their normalisation. Every result names the space.
        std: the normalisation's standard deviation, one number per channel; with
            space="normalized" only.

    Raises:
        RobustnessError: a value outside these ranges.
    """

    epsilon: float
    norm: str = "linf"
    bounds: tuple[float, float] = (0.0, 1.0)
    space: str = "pixel"
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise RobustnessError(f"norm is {self.norm!r}; known norms: {', '.join(NORMS)}.")
        if self.space not in SPACES:
            raise RobustnessError(f"space is {self.space!r}; known spaces: {', '.join(SPACES)}.")
        object.__setattr__(self, "std", _checked_std(self.space, self.std))
        largest = LARGEST_L2 if self.norm == "l2" else 1.0
        if self.std is not None:
            largest /= min(self.std)  # what an image spans there
        object.__setattr__(self, "epsilon", _checked_epsilon(self.epsilon, largest))
        object.__setattr__(self, "bounds", _checked_bounds(self.bounds))

    def distances(self, images: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Measures how far images are apart, in the norm and the units of epsilon.

        Args:
            images: [n, height, width, channels].
            others: the same shape.

        Returns:
            float64 [n].
        """
        change = np.asarray(images, np.float64) - np.asarray(others, np.float64)
        if self.std is not None:
            change = change / np.asarray(self.std)
        change = change.reshape(len(change), -1)
        if self.norm == "linf":
            return abs(change).max(axis=1, initial=0.0)
        return np.sqrt(np.square(change).sum(axis=1))

    def __str__(self) -> str:
        """Names norm, epsilon and space as tables do."""
        return f"{self.norm} {self.epsilon:.4g}, {self.space} space"


def parse_epsilon(text: str | float) -> float:
    """Reads an epsilon from a flag or a config.

    Args:
        text: a fraction such as "8/255", a decimal such as "0.03", or a number.

    Returns:
        Epsilon as a float of at least 0. How large it may be depends on the norm: `ThreatModel`.

    Raises:
        RobustnessError: neither a fraction nor a decimal, or negative.
    """
    if not isinstance(text, str):
        return _checked_epsilon(text, math.inf)
    try:
        # Fraction refuses the spaces of "8 / 255".
        value = fractions.Fraction(re.sub(r"\s*/\s*", "/", text))
    except (ValueError, ZeroDivisionError):
        raise RobustnessError(
            f"epsilon is {text!r}, which is neither a fraction nor a decimal; "
            "write for example 8/255 or 0.03."
        ) from None
    return _checked_epsilon(float(value), math.inf)


def _checked_epsilon(epsilon: Any, largest: float) -> float:
    if isinstance(epsilon, str):
        raise RobustnessError(
            f"epsilon is the text {epsilon!r}; pass a number, or parse_epsilon({epsilon!r})."
        )
    if isinstance(epsilon, bool) or not isinstance(epsilon, numbers.Real):
        raise RobustnessError(
            f"epsilon is a {type(epsilon).__name__}; pass one number such as 8/255."
        )
    epsilon = float(epsilon)
    if not math.isfinite(epsilon) or epsilon < 0.0:
        raise RobustnessError(f"epsilon is {epsilon}; it must be a finite number of at least 0.")
    if epsilon > largest:
        reach = (
            "more than the whole pixel range [0, 1]" if largest == 1.0 else f"over {largest:.3g}"
        )
        raise RobustnessError(
            f"epsilon is {epsilon:g}, {reach}; divide it by 255 "
            f"({epsilon:g}/255 = {epsilon / 255.0:.5f})."
        )
    return epsilon


def _checked_std(space: str, std: Sequence[float] | None) -> tuple[float, ...] | None:
    if space == "pixel":
        if std is not None:
            raise RobustnessError(
                "std came with space='pixel', where it means nothing; leave it out, or say "
                "space='normalized'."
            )
        return None
    try:
        values = tuple(float(value) for value in std or ())
    except TypeError:
        values = ()
    if not values or not all(0.0 < value < math.inf for value in values):
        raise RobustnessError(
            f"space='normalized' came with std={std!r}; give the normalization's "
            "standard deviation per channel, for example (0.247, 0.243, 0.262)."
        )
    return values


def _checked_bounds(bounds: Any) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise RobustnessError(
            f"bounds are {bounds!r}; pass the lowest and the highest pixel value, (0.0, 1.0)."
        ) from None
    if not 0.0 <= low < high <= 1.0:
        raise RobustnessError(
            f"bounds are ({low:g}, {high:g}); images lie in [0, 1], so bounds must satisfy "
            "0 <= low < high <= 1. Divide pixel values by 255, or undo the normalization."
        )
    return low, high
