"""Batch normalisation whose moving statistics can be left alone, on TensorFlow's fused kernel.

Keras 3 computes moments and normalisation as separate operations; the fused kernel does the same
arithmetic in one pass over the features and is what makes the small networks here affordable on a CPU.
"""

import contextlib

import keras
import tensorflow as tf

_statistics_frozen = False


@contextlib.contextmanager
def frozen_statistics():
    """Within it, training-mode calls normalise by the batch but do not move the statistics.

    The 20% step on the architecture sees the batch as the 80% step does and leaves no trace in the
    network that the weights are trained for (DESIGN section 5). It acts while a graph is traced.
    """
    global _statistics_frozen
    before, _statistics_frozen = _statistics_frozen, True
    try:
        yield
    finally:
        _statistics_frozen = before


@keras.saving.register_keras_serializable(package="rnascl_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation over the last axis of [batch, height, width, channels] features.

    Training mode moves the statistics by (1 - momentum), with Bessel's correction in the moving
    variance, as PyTorch does, unless inside `frozen_statistics`.
    """

    def call(self, inputs, training=None):
        """Returns the normalised features, shape and dtype of `inputs`."""
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        outputs, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.convert_to_tensor(self.gamma),
            tf.convert_to_tensor(self.beta),
            epsilon=self.epsilon,
            is_training=True,
        )
        if not _statistics_frozen:
            for moving, batch in (
                (self.moving_mean, batch_mean),
                (self.moving_variance, batch_variance),
            ):
                moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs
