"""Batch normalisation whose moving statistics can be left alone, on TensorFlow's fused kernel.

Keras 3 computes moments and normalisation as separate operations; the fused kernel does the same
arithmetic in one pass over the features and is what makes the small networks here affordable on a CPU.
"""

import contextlib
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

from rnascl_tf.layers.activation import activate

EPSILON = 1e-5
"""Added to variances; PyTorch's default."""

# One flag per thread, because a strategy traces every replica in a thread of its own.
_frozen = threading.local()


@contextlib.contextmanager
def frozen_statistics() -> Iterator[None]:
    """Inside it, training-mode calls normalise by the batch but do not move the statistics.

    The step on the architecture (20% of the data) then normalises as the step on the weights does,
    and leaves no trace in the network: docs/design.md, "The method". It acts while a graph is traced.
    """
    before, _frozen.statistics = _statistics_frozen(), True
    try:
        yield
    finally:
        _frozen.statistics = before


def _statistics_frozen() -> bool:
    return getattr(_frozen, "statistics", False)


@keras.saving.register_keras_serializable(package="rnascl_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation over the last axis of [batch, height, width, channels] features.

    Training mode moves the statistics by (1 - momentum), with Bessel's correction in the moving
    variance, as PyTorch does, unless inside `frozen_statistics`. With `synchronized=True` the moments
    are taken over the examples of all replicas, which must have the same number each.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns the normalised features, shape and dtype of `inputs`."""
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        normalize = self._by_all_replicas if self._is_shared() else self._by_this_replica
        outputs, batch_mean, batch_variance = normalize(inputs)
        if not _statistics_frozen():
            for moving, batch in (
                (self.moving_mean, batch_mean),
                (self.moving_variance, batch_variance),
            ):
                moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs

    def _is_shared(self) -> bool:
        return self.synchronized and tf.distribute.get_strategy().num_replicas_in_sync > 1

    def _by_this_replica(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.convert_to_tensor(self.gamma),
            tf.convert_to_tensor(self.beta),
            epsilon=self.epsilon,
            is_training=True,
        )

    def _by_all_replicas(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Computes what the fused kernel does, with moments over the whole batch."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        context = tf.distribute.get_replica_context()
        mean_of = tf.distribute.ReduceOp.MEAN
        mean = context.all_reduce(mean_of, tf.reduce_mean(inputs, axis=(0, 1, 2)))
        # Around the common mean, because E[x^2] - E[x]^2 cancels.
        centred = inputs - mean
        variance = context.all_reduce(mean_of, tf.reduce_mean(tf.square(centred), axis=(0, 1, 2)))
        scale = tf.math.rsqrt(variance + self.epsilon) * tf.convert_to_tensor(self.gamma)
        outputs = centred * scale + tf.convert_to_tensor(self.beta)
        count = tf.cast(replicas * tf.size(inputs[..., 0]), variance.dtype)
        return outputs, mean, variance * count / tf.maximum(count - 1.0, 1.0)


def normalized(
    features: keras.KerasTensor, name: str, momentum: float, activation: str | None = None
) -> keras.KerasTensor:
    """Adds batch normalisation and an activation to a functional network.

    Args:
        features: [batch, height, width, channels].
        name: prefix of the layers' names, `{name}_bn` and `{name}_act`.
        momentum: in Keras' convention.
        activation: one of `ACTIVATIONS`; None leaves the features as they are.
    """
    layer = BatchNormalization(momentum=momentum, epsilon=EPSILON, name=f"{name}_bn")
    features = layer(features)
    return features if activation is None else activate(features, activation, f"{name}_act")
