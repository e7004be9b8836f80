"""The threat model: what an attacker may change, and by how much (DESIGN sections 3 and 5).

An adversarial image differs from the clean one by at most `epsilon` in every pixel value (the L-inf
norm) and stays inside the pixel bounds. Epsilon counts in pixel units of [0, 1]: 8/255, never 8.
"""

import dataclasses
import fractions
import math
import numbers
import re

NORMS = ("linf",)
SPACES = ("pixel",)


class RobustnessError(ValueError):
    """A robustness measurement that would be meaningless; the message names reason and fix."""


@dataclasses.dataclass(frozen=True)
class ThreatModel:
    """The set of perturbations an attack may use.

    Attributes:
        epsilon: largest change of one pixel value, in units of the [0, 1] range; 0 <= epsilon <= 1.
        norm: how changes are measured; "linf" is the one known norm.
        bounds: lowest and highest pixel value, inside [0, 1].
        space: where epsilon is measured; "pixel" is the one known space.

    Raises:
        RobustnessError: a value outside these ranges.
    """

    epsilon: float
    norm: str = "linf"
    bounds: tuple[float, float] = (0.0, 1.0)
    space: str = "pixel"

    def __post_init__(self):
        object.__setattr__(self, "epsilon", _checked_epsilon(self.epsilon))
        object.__setattr__(self, "bounds", _checked_bounds(self.bounds))
        if self.norm not in NORMS:
            raise RobustnessError(f"norm is {self.norm!r}; known norms: {', '.join(NORMS)}.")
        if self.space == "normalized":
            raise RobustnessError(
                "space='normalized' is not supported yet: use space='pixel' and state epsilon in "
                "pixels, that is the normalized epsilon multiplied by the normalization's standard "
                "deviation (8/255 at a deviation of 0.25 is 2/255 in pixels)."
            )
        if self.space not in SPACES:
            raise RobustnessError(f"space is {self.space!r}; known spaces: {', '.join(SPACES)}.")


def parse_epsilon(text):
    """Reads an epsilon from a flag or a config.

    Args:
        text: a fraction such as "8/255", a decimal such as "0.03", or a number.

    Returns:
        Epsilon as a float in [0, 1], in pixel units of the [0, 1] range.

    Raises:
        RobustnessError: neither a fraction nor a decimal, or out of range.
    """
    if not isinstance(text, str):
        return _checked_epsilon(text)
    try:
        # Fraction refuses the spaces of "8 / 255".
        value = fractions.Fraction(re.sub(r"\s*/\s*", "/", text))
    except (ValueError, ZeroDivisionError):
        raise RobustnessError(
            f"epsilon is {text!r}, which is neither a fraction nor a decimal; "
            "write for example 8/255 or 0.03."
        ) from None
    return _checked_epsilon(float(value))


def _checked_epsilon(epsilon):
    """Returns epsilon as a float, or says why it cannot be one."""
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
        raise RobustnessError(f"epsilon is {epsilon}; it must be a finite number from 0 to 1.")
    if epsilon > 1.0:
        raise RobustnessError(
            f"epsilon is {epsilon:g}, more than the whole pixel range [0, 1]; divide it by 255 "
            f"({epsilon:g}/255 = {epsilon / 255.0:.5f})."
        )
    return epsilon


def _checked_bounds(bounds):
    """Returns the bounds as two floats, or says why they cannot be pixel bounds."""
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
