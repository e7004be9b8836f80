"""Hard-swish, x relu6(x + 3) / 6, with its gradient written as few passes over the features.

A small student's training step is bound by memory traffic of such element-wise operations, not by
its convolutions (DESIGN section 6); `benchmarks/` measures what this one saves.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnascl_tf")
class HardSwish(keras.layers.Layer):
    """Hard-swish of features of any shape and float dtype."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, features):
        """Returns the activations, shape and dtype of `features`."""
        return _hard_swish(tf.convert_to_tensor(features))

    def compute_output_spec(self, features):
        """The input's own shape and dtype."""
        return keras.KerasTensor(features.shape, dtype=features.dtype)


@tf.custom_gradient
def _hard_swish(features):
    gate = tf.nn.relu6(features + 3.0)

    def gradient(upstream):
        # d(x gate)/dx = gate + x [0 < gate < 6]; Relu6Grad masks x in one pass.
        masked = tf.raw_ops.Relu6Grad(gradients=features, features=gate)
        return upstream * ((gate + masked) * (1.0 / 6.0))

    # Keras' own operations, which converters to TFLite know as HARD_SWISH.
    return keras.activations.hard_silu(features), gradient
