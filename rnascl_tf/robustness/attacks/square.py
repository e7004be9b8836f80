"""Square: random search with square-shaped changes, from the model's answers alone.

Source: Andriushchenko et al. (2020), arXiv 1912.00049, algorithms 1 to 3, with the settings of
AutoAttack (Croce and Hein, 2020): margin loss, p = 0.8 at first, its schedule stretched to the
number of queries, one run. A proposal changes one square window; it is kept if the margin
z_y - max_{j != y} z_j falls. Where the authors' code differs from the algorithms, the algorithms are
followed: each image has its own windows; they lie anywhere (in the code they never reach the last row
and column, which weakens it on small images); and in L2 each channel has its own share of epsilon.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

import numpy as np

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.attacks.black_box import BlackBox
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

# With 10,000 queries (section 4.1 of the paper), p is halved after each of these.
_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# Moves whose random numbers are drawn at once; 5 MB for 100 images.
_BLOCK = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Random search; `steps` counts the proposals after the first random image.

    Attributes:
        first_share: p, the share of an image's pixels in the first windows, above 0 and at most 1.

    Raises:
        RobustnessError: fewer than one step, or a share outside this range.
    """

    needs_gradient: ClassVar[bool] = False
    first_share: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.first_share <= 1.0:
            raise RobustnessError(
                f"{self.name}: first windows of {self.first_share} of the image; use a share above 0 "
                "and at most 1."
            )

    def perturb(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        randomness: Randomness,
        attack_round: int,
    ) -> np.ndarray:
        """Returns the images with the lowest margins; a broken image does not change any more."""
        black_box = BlackBox(logits, images, labels, threat_model)
        moves: _Moves
        moves = _LinfMoves(black_box) if threat_model.norm == "linf" else _L2Moves(black_box)
        generators = randomness.generators(self.name, attack_round)
        best = moves.start(generators)
        margins = black_box.margins(best)
        for query, numbers in enumerate(_numbers(generators, self.steps, moves.numbers)):
            standing = ~(margins <= 0.0)
            if not standing.any():
                break
            side = moves.side(self._share(query) * images.shape[1] * images.shape[2])
            proposals = moves.proposals(best, side, numbers)
            proposed = black_box.margins(proposals)
            better = standing & (proposed < margins)
            best[better] = proposals[better]
            margins[better] = proposed[better]
        return black_box.result(best)

    def _share(self, query: int) -> float:
        passed = int(query / self.steps * 10000)
        return self.first_share / 2 ** int(np.searchsorted(_HALVED_AFTER, passed))


class _Moves(Protocol):
    """How images change in one norm; `numbers` random numbers decide one proposal."""

    numbers: int

    def start(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Returns the first random images."""

    def side(self, pixels: float) -> int:
        """Returns the side of a square window of about that many pixels."""

    def proposals(self, best: np.ndarray, side: int, numbers: np.ndarray) -> np.ndarray:
        """Returns `best` with one change per image; numbers are uniform in [0, 1), [n, count]."""


class _LinfMoves:
    """Algorithm 2: in one window each channel moves by epsilon, all of it up or all of it down."""

    def __init__(self, black_box: BlackBox) -> None:
        self._low, self._high = black_box.low, black_box.high
        self._shape = black_box.center.shape[1:]
        self.numbers = 2 + self._shape[2]

    def start(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Vertical stripes, one pixel wide, with a random sign in each channel."""
        _, width, channels = self._shape
        up = np.stack([generator.random((1, width, channels)) < 0.5 for generator in generators])
        return np.where(up, self._high, self._low)

    def side(self, pixels: float) -> int:
        """At least 1."""
        return min(max(round(pixels**0.5), 1), *self._shape[:2])

    def proposals(self, best: np.ndarray, side: int, numbers: np.ndarray) -> np.ndarray:
        """Changes one window."""
        window = _window(self._shape, side, numbers[:, :2])
        up = numbers[:, None, None, 2:] < 0.5
        changed = best.copy()
        # Plus or minus 2 epsilon, then projected: to the edge of the ball from any point in it.
        changed[window] = np.where(up, self._high[window], self._low[window])
        return changed


class _L2Moves:
    """Algorithm 3: the change in one window moves into another and takes a new shape there."""

    def __init__(self, black_box: BlackBox) -> None:
        self._center = black_box.center
        self._bounds = black_box.pixel_low, black_box.pixel_high
        self._shape = self._center.shape[1:]
        # Leaves room for the rounding of pixels and of the length, so that the final projection does
        # not change an image that the model was asked about.
        spacing = np.spacing(np.float32(np.max(self._bounds)))
        room = spacing * np.prod(self._shape) ** 0.5
        self._radius = max(float(black_box.ball.epsilon) * (1.0 - 1e-6) - room, 0.0)
        self.numbers = 5 + self._shape[2]

    def start(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Tiles (about 5 by 5) of the shape `_peaks`, with a random sign in each channel."""
        height, width, channels = self._shape
        side = max(min(height, width) // 5, 1)
        rows, columns = height // side, width // side
        top, left = (height - rows * side) // 2, (width - columns * side) // 2
        change = np.zeros_like(self._center)
        for image, generator in enumerate(generators):
            numbers = generator.random((rows, columns, 1 + channels))
            tiles = _shapes(side, numbers[..., 0]) * _signs(numbers[..., 1:])
            tiles = tiles.swapaxes(1, 2).reshape(rows * side, columns * side, channels)
            change[image, top : top + rows * side, left : left + columns * side] = tiles
        return self._at_radius(change)

    def side(self, pixels: float) -> int:
        """Odd and at least 3."""
        return min(max(round(pixels**0.5), 3) | 1, *self._shape[:2])

    def proposals(self, best: np.ndarray, side: int, numbers: np.ndarray) -> np.ndarray:
        """Changes two windows."""
        change = best - self._center
        unused = np.maximum(self._radius**2 - np.square(_lengths(change)), 0.0)
        grown = _window(self._shape, side, numbers[:, :2])
        cleared = _window(self._shape, side, numbers[:, 2:4])
        before = change[grown]
        energy = _energy(before) + unused / self._shape[2]
        change[grown] = 0.0
        # The energy of the union of both windows: what they share is zero by now.
        energy += _energy(change[cleared])
        change[cleared] = 0.0
        shape = _shapes(side, numbers[:, 4]) * _signs(numbers[:, 5:])
        shape += _unit(before)
        change[grown] = _unit(shape) * np.sqrt(energy)
        return self._at_radius(change)

    def _at_radius(self, change: np.ndarray) -> np.ndarray:
        # The maximum avoids 0/0 where windows cancel out exactly.
        change *= self._radius / np.maximum(_lengths(change), np.float32(1e-20))
        change += self._center
        return np.clip(change, *self._bounds, out=change)


def _numbers(
    generators: Sequence[np.random.Generator], moves: int, width: int
) -> Iterator[np.ndarray]:
    """Yields uniform numbers [n, width] for each move, drawn by each image's own generator."""
    for begin in range(0, moves, _BLOCK):
        shape = (min(_BLOCK, moves - begin), width)
        yield from np.stack([generator.random(shape) for generator in generators], axis=1)


def _window(
    shape: tuple[int, ...], side: int, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of one window per image, anywhere in it; they broadcast to [n, side, side]."""
    rows, columns = (
        (numbers[:, axis, None, None] * (shape[axis] - side + 1)).astype(int) for axis in (0, 1)
    )
    images = np.arange(len(numbers))[:, None, None]
    return images, rows + np.arange(side)[:, None], columns + np.arange(side)


def _shapes(side: int, numbers: np.ndarray) -> np.ndarray:
    """The shape eta, upright or lying as the numbers [...] say; returns [..., side, side, 1]."""
    upright = _peaks(side)
    choice = numbers[..., None, None] < 0.5
    return np.where(choice, upright, upright.T)[..., None]


def _peaks(side: int) -> np.ndarray:
    """Eta of section 3.3: a positive peak above a negative one, of length 1; [side, side]."""
    upper = side // 2
    shape = np.concatenate([_peak(upper, side), -_peak(side - upper, side)])
    return (shape / np.linalg.norm(shape)).astype(np.float32)


def _peak(height: int, width: int) -> np.ndarray:
    """Rings around the middle; the ring at distance d has the value sum_{k >= d} 1 / (k+1)^2."""
    rows = abs(np.arange(height)[:, None] - height // 2)
    columns = abs(np.arange(width) - width // 2)
    terms = 1.0 / np.arange(1.0, max(height, width) // 2 + 2.0) ** 2
    peak = np.cumsum(terms[::-1])[::-1][np.maximum(rows, columns)]
    return peak / max(np.linalg.norm(peak), np.finfo(float).tiny)


def _signs(numbers: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1), [..., channels] -> -1 or 1, float32 [..., 1, 1, channels]."""
    return np.where(numbers < 0.5, np.float32(1.0), np.float32(-1.0))[..., None, None, :]


def _energy(windows: np.ndarray) -> np.ndarray:
    """The sum of squares of each window's channel, [n, 1, 1, channels]."""
    return np.square(windows).sum(axis=(1, 2), keepdims=True)


def _unit(windows: np.ndarray) -> np.ndarray:
    """Each window's channel scaled to length 1; zero stays zero."""
    return windows / np.maximum(np.sqrt(_energy(windows)), np.finfo(np.float32).tiny)


def _lengths(changes: np.ndarray) -> np.ndarray:
    """The L2 norm of each image's change, [n, 1, 1, 1]."""
    # NumPy sums a flat array pairwise, which is exact to 1e-7 in float32.
    squares = np.square(changes).reshape(len(changes), -1).sum(axis=1)
    return np.sqrt(squares)[:, None, None, None]


SQUARE = Square("square", 5000)
