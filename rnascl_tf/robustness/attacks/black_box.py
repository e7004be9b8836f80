"""A model of which an attack only sees the answers, with images in the threat model's space.

In normalised space changes are measured after division by the standard deviation. As in
`LogitsFunction.attack` for gradient attacks, the attacker works on scaled images, and the model gets
pixels.
"""

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.classification_margin import margins
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import ThreatModel


class BlackBox:
    """A batch of images, the ball around them, and the model's answers.

    Args:
        logits: the model; only its `compiled` is used.
        images: float32 [n, height, width, channels], inside the threat model's bounds.
        labels: int64 [n], the true classes.
        threat_model: norm, epsilon, bounds and space.

    Attributes:
        ball: the ball around the images, in the threat model's space.
        center, low, high: float32 [n, height, width, channels], of that ball.
        pixel_low, pixel_high: float32, the bounds in that space; they broadcast to an image.
    """

    def __init__(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
    ) -> None:
        self._logits = logits
        self._labels = np.asarray(labels)
        self._lowest, self._highest = (np.float32(bound) for bound in threat_model.bounds)
        # Exactly 1 in pixel space, so that multiplying and dividing by it does not change a bit.
        self._scale = np.asarray(threat_model.std or 1.0, np.float32)
        bounds = (self._lowest / self._scale, self._highest / self._scale)
        # As a tensor: tf.cast would round a float to float32 first.
        epsilon = tf.constant(threat_model.epsilon, tf.float64)
        self.ball = Ball(images / self._scale, threat_model.norm, epsilon, bounds)
        self.center, self.low, self.high = (
            tensor.numpy() for tensor in (self.ball.center, self.ball.low, self.ball.high)
        )
        self.pixel_low, self.pixel_high = (
            tensor.numpy() for tensor in (self.ball.pixel_low, self.ball.pixel_high)
        )

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Returns images of the threat model's space as pixels, inside the bounds."""
        return np.clip(images * self._scale, self._lowest, self._highest)

    def margins(self, images: np.ndarray) -> np.ndarray:
        """Asks the model once per image.

        Args:
            images: float32 [n, height, width, channels] in the threat model's space.

        Returns:
            float32 [n], see `margins.margins`.
        """
        logits = self._logits.compiled(self.pixels(images))
        return margins(logits, self._labels)

    def result(self, images: np.ndarray) -> np.ndarray:
        """Projects images of the threat model's space onto the ball; returns them as pixels."""
        return self.pixels(self.ball.project(images).numpy())
