"""How far computed outputs are from wanted ones: max |found - wanted| / max |wanted|, over batches."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """The result of comparing a network with another implementation of it.

    Attributes:
        errors: largest relative error of each output, by name; infinity for what is not a number.
        images: how many images were compared.
    """

    errors: Mapping[str, float]
    images: int

    @property
    def worst(self) -> str:
        """Name of the output with the largest error."""
        return max(self.errors, key=self.errors.__getitem__)

    @property
    def largest(self) -> float:
        """The largest error."""
        return self.errors[self.worst]


class RelativeErrors:
    """Collects differences and scales batch by batch."""

    def __init__(self) -> None:
        self._differences: dict[str, float] = {}
        self._scales: dict[str, float] = {}

    def add(self, name: str, found: np.ndarray, wanted: np.ndarray) -> None:
        """Adds one batch of an output; both arrays have the same shape."""
        difference = np.abs(np.asarray(found, np.float32) - wanted).max()
        # np.maximum keeps a NaN; the built-in max may drop it.
        self._differences[name] = np.maximum(self._differences.get(name, 0.0), difference)
        self._scales[name] = np.maximum(self._scales.get(name, 0.0), np.abs(wanted).max())

    def errors(self) -> dict[str, float]:
        """Returns the largest relative error of each output, in the order of their first batch."""
        return {
            name: _relative(difference, self._scales[name])
            for name, difference in self._differences.items()
        }


def _relative(difference: float, scale: float) -> float:
    """Returns difference / scale, or infinity if that is not a number."""
    if difference == 0:
        return 0.0
    comparable = scale > 0 and np.isfinite(difference) and np.isfinite(scale)
    return float(difference / scale) if comparable else float("inf")
