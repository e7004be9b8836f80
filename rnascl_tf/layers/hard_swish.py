"""Hard-swish, x relu6(x + 3) / 6, with its gradient in as few passes over the features as possible.

A small student's training step is bound by memory traffic of such element-wise operations, not by
its convolutions (docs/design.md, "Measured on this stack"); `benchmarks/` measures what this one saves.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.runtime.custom_gradient import custom_gradient

ONE_PASS_FROM = 2**20
"""Values from which `hard_swish_in_one_pass` is worth its compilation: they no longer fit a core's
cache, and every pass over them is paid in full. Of four in a row, forward and backward on two cores,
it takes 0.56 of the time at 2 million values, 0.82 at half a million and 1.27 at 65,000."""

PRESUMED_BATCH = 128
"""Images of a batch whose number is not known while the graph is traced: the paper's."""


@keras.saving.register_keras_serializable(package="rnascl_tf")
class HardSwish(keras.layers.Layer):
    """Hard-swish of features of any shape and float dtype; `fast_hard_swish` in training mode."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, features: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns the activations, shape and dtype of `features`."""
        features = tf.convert_to_tensor(features)
        return fast_hard_swish(features) if training else _hard_swish(features)

    def compute_output_spec(
        self, features: keras.KerasTensor, training: bool | None = None
    ) -> keras.KerasTensor:
        """Returns the shape and dtype of `features`."""
        return keras.KerasTensor(features.shape, dtype=features.dtype)


@custom_gradient
def _hard_swish(features: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    gate = tf.nn.relu6(features + 3.0)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # d(x gate)/dx = gate + x [0 < gate < 6]; Relu6Grad masks x in one pass.
        masked = tf.raw_ops.Relu6Grad(gradients=features, features=gate)
        return upstream * ((gate + masked) * (1.0 / 6.0))

    # Keras' own operations: the TFLite converter recognises them as HARD_SWISH.
    return keras.activations.hard_silu(features), gradient


def fast_hard_swish(features: tf.Tensor) -> tf.Tensor:
    """Hard-swish in the form that trains fastest: `hard_swish_in_one_pass` for large features.

    Args:
        features: [batch, ...], of any float dtype.

    Returns:
        The activations, shape and dtype of `features`.
    """
    batch, *rest = features.shape
    values = (batch or PRESUMED_BATCH) * math.prod(size or 1 for size in rest)
    return hard_swish_in_one_pass(features) if values >= ONE_PASS_FROM else _hard_swish(features)


@custom_gradient
def hard_swish_in_one_pass(
    features: tf.Tensor,
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Hard-swish compiled by XLA: one pass over the features forward and one backward, eight without.

    The same function as `HardSwish`; only the order of rounding differs. TFLite's converter would not
    recognise it, so the layer uses it in training mode alone.

    Args:
        features: of any shape and float dtype.

    Returns:
        The activations, shape and dtype of `features`.
    """
    # Flat, because XLA compiles once for every number of features and not for every shape.
    flat = tf.reshape(features, [-1])

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return _like(_compiled_gradient(flat, tf.reshape(upstream, [-1])), features)

    return _like(_compiled(flat), features), gradient


@tf.function(jit_compile=True, reduce_retracing=True, autograph=False)
def _compiled(features: tf.Tensor) -> tf.Tensor:
    return features * tf.nn.relu6(features + 3.0) * (1.0 / 6.0)


@tf.function(jit_compile=True, reduce_retracing=True, autograph=False)
def _compiled_gradient(features: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    gate = tf.nn.relu6(features + 3.0)
    masked = tf.where((gate > 0.0) & (gate < 6.0), features, 0.0)
    return upstream * ((gate + masked) * (1.0 / 6.0))


def _like(values: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(tf.reshape(values, tf.shape(features)), features.shape)
