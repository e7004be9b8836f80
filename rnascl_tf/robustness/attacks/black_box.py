"""A model that attacks may only ask, with images and answers in the threat model's own space.

In normalised space changes are measured after division by the deviation, as
`LogitsFunction.attack` does for gradient attacks: the attacker works on scaled images, the model
is asked with pixels.
"""

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.margins import margins


class BlackBox:
    """A batch of images, the ball around them, and the model's answers.

    Args:
        logits: a `LogitsFunction` or `BlackBoxFunction`; only its `compiled` is used.
        images: float32 array [n, height, width, channels] inside the threat model's bounds.
        labels: int64 array [n], the true classes.
        threat_model: a `ThreatModel`.

    Attributes:
        ball: the `Ball` around the images, in the threat model's space.
        center, low, high: float32 arrays [n, height, width, channels], of that ball.
        pixel_low, pixel_high: float32 arrays that broadcast to an image, the bounds in that space.
    """

    def __init__(self, logits, images, labels, threat_model):
        self._logits = logits
        self._labels = np.asarray(labels)
        self._bounds = [np.float32(bound) for bound in threat_model.bounds]
        # Exactly 1 in pixel space, where multiplying and dividing by it changes no bit.
        self._scale = np.asarray(threat_model.deviation or 1.0, np.float32)
        bounds = [bound / self._scale for bound in self._bounds]
        # As a tensor: tf.cast would round a float to float32 first.
        epsilon = tf.constant(threat_model.epsilon, tf.float64)
        self.ball = Ball(images / self._scale, threat_model.norm, epsilon, bounds)
        self.center, self.low, self.high = (
            tensor.numpy() for tensor in (self.ball.center, self.ball.low, self.ball.high)
        )
        self.pixel_low, self.pixel_high = (
            tensor.numpy() for tensor in (self.ball.pixel_low, self.ball.pixel_high)
        )

    def pixels(self, images):
        """Returns images of the threat model's space as pixels, inside the bounds."""
        return np.clip(images * self._scale, *self._bounds)

    def margins(self, images):
        """Asks the model once per image.

        Args:
            images: float32 array [n, height, width, channels] in the threat model's space.

        Returns:
            float32 array [n], see `margins`.
        """
        logits = self._logits.compiled(self.pixels(images))
        return margins(logits, self._labels)

    def result(self, images):
        """Returns images of the threat model's space projected and as pixels.

        Args:
            images: float32 array [n, height, width, channels].

        Returns:
            float32 array of the same shape.
        """
        return self.pixels(self.ball.project(images).numpy())
