"""SPSA: Adam along gradients that are estimated from the model's answers alone.

Source: Uesato et al. (2018), arXiv 1802.05666, algorithm 1. The gradient of the margin
f = max_{j != y} z_j - z_y is the mean over random sign images v of
    v (f(x + delta v) - f(x - delta v)) / (2 delta)
cleverhans' own `spsa` cannot be used: it takes one image per call, and its optimizer does not work
with Keras 3 (it passes `lr=`, which Keras 3 refuses). The settings are cleverhans' defaults.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.attacks.black_box import BlackBox
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

_FIRST_DECAY, _SECOND_DECAY, _STABILITY = 0.9, 0.999, 1e-7


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spsa(Attack):
    """Gradient ascent on estimates; one step asks the model samples + 1 times per image.

    Attributes:
        samples: model answers for one estimate, an even number of at least 2.
        delta: distance from the image at which the model is asked, above 0, in the units of epsilon;
            the images are then clipped to the pixel bounds.
        learning_rate: Adam's, above 0, in the units of epsilon.

    Raises:
        RobustnessError: settings outside these ranges.
    """

    norms: ClassVar[tuple[str, ...]] = ("linf",)
    needs_gradient: ClassVar[bool] = False
    samples: int = 128
    delta: float = 0.01
    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 2 or self.samples % 2:
            raise RobustnessError(
                f"{self.name}: {self.samples} samples; use an even number of at least 2, because they "
                "come in opposite pairs."
            )
        if not (self.delta > 0.0 and self.learning_rate > 0.0):
            raise RobustnessError(
                f"{self.name}: delta {self.delta} and learning rate {self.learning_rate}; both "
                "must be above 0."
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
        """Returns each path's image with the lowest margin; a path ends when its image breaks."""
        black_box = BlackBox(logits, images, labels, threat_model)
        generators = randomness.generators(self.name, attack_round)
        current = black_box.center
        best, best_margins = current.copy(), black_box.margins(current)
        first = np.zeros(current.shape)
        second = np.zeros(current.shape)
        for step in range(1, self.steps + 1):
            if (best_margins <= 0.0).all():
                break
            gradient = self._gradient(black_box, current, generators)
            first = _FIRST_DECAY * first + (1.0 - _FIRST_DECAY) * gradient
            second = _SECOND_DECAY * second + (1.0 - _SECOND_DECAY) * gradient**2
            length = np.sqrt(second / (1.0 - _SECOND_DECAY**step)) + _STABILITY
            move = self.learning_rate * first / (1.0 - _FIRST_DECAY**step) / length
            # In L-inf the box is the ball.
            current = np.clip((current + move).astype(np.float32), black_box.low, black_box.high)
            margins = black_box.margins(current)
            better = (margins < best_margins) & ~(best_margins <= 0.0)
            best[better] = current[better]
            best_margins[better] = margins[better]
        return black_box.result(best)

    def _gradient(
        self,
        black_box: BlackBox,
        images: np.ndarray,
        generators: Sequence[np.random.Generator],
    ) -> np.ndarray:
        """Estimates f's gradient; float64 of the images' shape."""
        pairs = self.samples // 2
        bits = [
            generator.integers(0, 2, (pairs, *images.shape[1:]), np.int8)
            for generator in generators
        ]
        total = np.zeros(images.shape)
        for pair in range(pairs):
            # The same batch shape as in the evaluation, so that nothing is traced anew.
            signs = np.stack([own[pair] for own in bits]).astype(np.float32) * 2.0 - 1.0
            margins_ahead, margins_back = (
                black_box.margins(
                    np.clip(
                        images + sign * self.delta * signs,
                        black_box.pixel_low,
                        black_box.pixel_high,
                    )
                )
                for sign in (1.0, -1.0)
            )
            # Margins are -f.
            total += (margins_back - margins_ahead)[:, None, None, None] * signs
        return total / (2.0 * self.delta * pairs)


SPSA = Spsa("spsa", 40)  # about as many queries as Square
