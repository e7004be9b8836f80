"""The images that a threat model allows around each clean image, exact in float32.

L-inf: {x' : |x' - x|_inf <= epsilon, low <= x' <= high}, a box; L2: {x' : ||x' - x||_2 <= epsilon,
low <= x' <= high}. Float32 arithmetic can overshoot epsilon (by 3e-8 in one pixel), so the box is
computed in float64 and rounded towards the clean image, and the L2 radius leaves room for rounding.
"""

from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

HALF_SPACING = 2.0**-25
"""Largest error of rounding a pixel value in [0, 1] to float32."""

Bounds: TypeAlias = Sequence[float | tf.Tensor]
"""Lowest and highest pixel value; tensors broadcast to an image."""


class Ball:
    """The allowed images around a batch, with the steps and projections that attacks are made of.

    Works eagerly and inside a graph.

    Args:
        images: float32 [n, height, width, channels], the clean images x inside the bounds.
        norm: "linf" or "l2".
        epsilon: radius, a float or a scalar float64 tensor (which spares a new trace per value).
        bounds: of the pixels.

    Attributes:
        center, norm, epsilon (float32 scalar tensor): as above.
        low, high: float32 [n, height, width, channels], the corners of the smallest box that holds
            the ball: for L-inf the ball itself.
        pixel_low, pixel_high: float32, the bounds; they broadcast to an image.
    """

    def __init__(
        self, images: tf.Tensor, norm: str, epsilon: float | tf.Tensor, bounds: Bounds
    ) -> None:
        self.center = tf.convert_to_tensor(images, tf.float32)
        self.norm = norm
        self._exact_epsilon = _exact(epsilon)
        self.epsilon = tf.cast(self._exact_epsilon, tf.float32)
        self.pixel_low, self.pixel_high = (tf.cast(bound, tf.float32) for bound in bounds)
        self.low, self.high = _box(self.center, self._exact_epsilon, bounds)

    def project(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the nearest allowed images.

        For L2: pulled along the line to the clean image, then cut to the pixel bounds.
        """
        if self.norm == "l2":
            center = tf.cast(self.center, tf.float64)
            change = tf.cast(images, tf.float64) - center
            pixels = tf.cast(tf.size(self.center[0]), tf.float64)
            radius = tf.maximum(self._exact_epsilon - HALF_SPACING * tf.sqrt(pixels), 0.0)
            # Never 0/0: where nothing changed, nothing is scaled.
            scale = tf.minimum(
                radius / tf.maximum(_length(change), tf.maximum(radius, 1e-300)), 1.0
            )
            images = tf.cast(center + _per_image(scale) * change, tf.float32)
        return tf.clip_by_value(images, self.low, self.high)

    def start(self, directions: tf.Tensor) -> tf.Tensor:
        """Returns x + epsilon * directions, projected.

        Args:
            directions: float32 of the images' shape in the unit ball of the norm.
        """
        return self.project(self.center + self.epsilon * directions)

    def steepest(self, gradient: tf.Tensor) -> tf.Tensor:
        """Returns the direction of length 1 in the norm along which a linear loss rises most.

        sign(gradient) for L-inf, gradient / ||gradient||_2 for L2; zero where the gradient is.
        """
        if self.norm == "linf":
            return tf.sign(gradient)
        # A float32 square of a gradient below 1e-19 would be zero.
        exact = tf.cast(gradient, tf.float64)
        length = tf.maximum(_length(exact), 1e-300)
        return tf.cast(exact / _per_image(length), tf.float32)


def _exact(epsilon: float | tf.Tensor) -> tf.Tensor:
    """A float64 scalar; tf.cast alone would first round a Python float to float32."""
    if tf.is_tensor(epsilon):
        return tf.cast(epsilon, tf.float64)
    return tf.constant(epsilon, tf.float64)


def _box(images: tf.Tensor, epsilon: tf.Tensor, bounds: Bounds) -> tuple[tf.Tensor, tf.Tensor]:
    # Clipping to the box keeps |x' - x| <= epsilon in exact arithmetic and as computed in float32.
    exact_images = tf.cast(images, tf.float64)
    exact_low = exact_images - epsilon
    exact_high = exact_images + epsilon
    low = tf.cast(exact_low, tf.float32)
    high = tf.cast(exact_high, tf.float32)
    low = tf.where(tf.cast(low, tf.float64) < exact_low, tf.math.nextafter(low, images), low)
    high = tf.where(tf.cast(high, tf.float64) > exact_high, tf.math.nextafter(high, images), high)
    lower_bound, upper_bound = (tf.cast(bound, tf.float32) for bound in bounds)
    return tf.maximum(low, lower_bound), tf.minimum(high, upper_bound)


def _length(changes: tf.Tensor) -> tf.Tensor:
    """The L2 norm of each image's change, [n]."""
    return tf.sqrt(tf.reduce_sum(tf.square(changes), axis=(1, 2, 3)))


def _per_image(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, (-1, 1, 1, 1))
