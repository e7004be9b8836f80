"""The number that every evaluation ends in: how many of n images are classified correctly."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnascl_tf.robustness.threat_model import RobustnessError
from rnascl_tf.robustness.wilson import check_counts, wilson_interval


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """An accuracy that remembers its counts. `str` gives "61.3 [58.2, 64.3]", in percent.

    Attributes:
        correct: images classified correctly, from 0 to n.
        n: images, at least 1.

    Raises:
        RobustnessError: counts that cannot be an accuracy.
    """

    correct: int
    n: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "correct", int(self.correct))
        object.__setattr__(self, "n", int(self.n))
        check_counts(self.correct, self.n)

    @classmethod
    def of(cls, correct: np.ndarray) -> "Accuracy":
        """Counts a bool array [n], True where an image is classified correctly."""
        return cls(int(correct.sum()), len(correct))

    @property
    def value(self) -> float:
        """The fraction of correct images, in [0, 1]."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% Wilson interval, in [0, 1]."""
        return wilson_interval(self.correct, self.n)

    @property
    def percent(self) -> float:
        """`value` in percent."""
        return 100 * self.value

    @property
    def percent_interval(self) -> tuple[float, float]:
        """`interval` in percent."""
        low, high = self.interval
        return 100 * low, 100 * high

    def points_above(self, other: "Accuracy") -> float:
        """Returns the difference in percentage points."""
        # Rounded: 0.42 - 0.40 is not 0.02 in binary, and 2 points must not be more than 2.
        return round(100 * (self.value - other.value), 6)

    def __str__(self) -> str:
        low, high = self.percent_interval
        return f"{self.percent:.1f} [{low:.1f}, {high:.1f}]"

    def to_json(self) -> dict[str, Any]:
        """Returns {"accuracy": fraction, "n", "interval": [low, high]}."""
        return {"accuracy": self.value, "n": self.n, "interval": list(self.interval)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Accuracy":
        """Reads what `to_json` wrote. The interval is computed again, not read.

        Raises:
            KeyError: "accuracy" or "n" is missing.
            RobustnessError: the fraction is not one of n images.
        """
        fraction, n = values["accuracy"], values["n"]
        correct = round(fraction * n)
        if abs(fraction * n - correct) > 1e-6:
            raise RobustnessError(
                f"an accuracy of {fraction} on {n} images is not a whole number of images; run the "
                "stage that measured it again."
            )
        return cls(correct, n)
