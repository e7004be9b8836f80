"""Normalised attention maps (paper, section 3): F(A)_hw = sum_c A_hwc^2.

Each map is resized bilinearly to one grid, flattened and divided by its own L2 norm, per sample.
Student and teacher both use this function, so that their maps can be compared.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.runtime.custom_gradient import custom_gradient

NORM_FLOOR = 1e-6
"""Smallest norm by which a map is divided; a map of zeros stays zeros and has a zero gradient."""


@keras.saving.register_keras_serializable(package="rnascl_tf")
class AttentionMaps(keras.layers.Layer):
    """Turns a list of features into one stack of maps of equal size and unit norm.

    Args:
        size: side of the square grid to which every map is resized; the authors use 14.

    Raises:
        ValueError: `size` is under 1; or on a call, as `attention_maps`.
    """

    def __init__(self, size: int = 14, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _check_size(size)
        self.size = size
        self.built = True

    def call(self, taps: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the maps, as `attention_maps`."""
        return attention_maps(taps, self.size)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


def attention_maps(taps: Sequence[tf.Tensor], size: int) -> tf.Tensor:
    """Computes one attention map per tap and sample.

    The resize samples at half-pixel centres without antialiasing (`tf.image.resize`). Works inside
    `tf.function` and is differentiable everywhere.

    Args:
        taps: n features of any float dtype, each [batch, height_i, width_i, channels_i].
        size: side of the square grid, at least 1.

    Returns:
        maps, float32 [batch, n, size * size], non-negative, row-major; each of L2 norm 1, or less
        if its norm before the division is under `NORM_FLOOR`.

    Raises:
        ValueError: there is no tap, a tap is not of rank 4, or `size` is under 1.
    """
    _check_size(size)
    if not taps:
        raise ValueError("attention_maps needs at least one tap, got an empty list.")
    return tf.stack([_attention_map(tap, size) for tap in taps], axis=1)


def _check_size(size: int) -> None:
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}.")


def _attention_map(tap: tf.Tensor, size: int) -> tf.Tensor:
    return unit_norm(resized(energy_of(tap), size))


def energy_of(tap: tf.Tensor) -> tf.Tensor:
    """Returns sum_c A_c^2 of a tap, float32 [batch, height, width, 1]."""
    tap = tf.convert_to_tensor(tap)
    if tap.shape.rank != 4:
        raise ValueError(f"a tap must be [batch, height, width, channels], got shape {tap.shape}.")
    return _energy(tf.cast(tap, tf.float32))


def resized(maps: tf.Tensor, size: int) -> tf.Tensor:
    """Returns maps [batch, height, width, n], each resized to [size, size] by itself."""
    return tf.image.resize(maps, (size, size), method="bilinear", antialias=False)


def unit_norm(maps: tf.Tensor) -> tf.Tensor:
    """Returns maps [batch, height, width, 1] flattened to [batch, height * width], of L2 norm 1.

    A map whose norm is under `NORM_FLOOR` is divided by that instead.
    """
    flat = tf.reshape(maps, (-1, maps.shape[1] * maps.shape[2]))
    squared_norm = tf.reduce_sum(tf.square(flat), axis=-1, keepdims=True)
    # The floor is under the root, because the root of zero has an infinite derivative.
    return flat * tf.math.rsqrt(tf.maximum(squared_norm, NORM_FLOOR**2))


@custom_gradient
def _energy(tap: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Computes sum_c A_c^2, kept as one channel.

    TensorFlow's own gradient would copy the map to every channel and then multiply twice. One
    multiplication with broadcasting is enough, on features as large as the network's own.
    """

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tap * (2.0 * upstream)

    return tf.reduce_sum(tf.square(tap), axis=-1, keepdims=True), gradient
