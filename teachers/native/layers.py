"""Layers of the native networks with PyTorch's geometry, each seeded by its own name."""

import zlib

import keras

from teachers.layers.constant_layers import LowestPadding

BATCH_NORM_EPSILON = 1e-5


class SeededLayers:
    """Makes one network's layers.

    Args:
        seed: of the network.
        batch_norm_momentum: weight of the old statistics per step (Keras' convention).
    """

    def __init__(self, seed: int, batch_norm_momentum: float):
        self._seed = seed
        self._momentum = batch_norm_momentum

    def convolution(self, features, filters, kernel_size, stride, name):
        """Convolution without bias, padded by half a kernel on every side: `{name}_conv`."""
        padding = "same"
        if stride > 1 and kernel_size > 1:  # SAME would pad one side only, unlike PyTorch
            features = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(features)
            padding = "valid"
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=stride,
            padding=padding,
            use_bias=False,
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, "fan_out", "untruncated_normal", seed=self._layer_seed(name)
            ),
            name=f"{name}_conv",
        )(features)

    def batch_norm(self, features, name):
        """Batch normalisation: `{name}_bn`."""
        return keras.layers.BatchNormalization(
            momentum=self._momentum, epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn"
        )(features)

    def relu(self, features, name):
        """Rectifier: `{name}_relu`."""
        return keras.layers.ReLU(name=f"{name}_relu")(features)

    def add(self, residual, shortcut, name):
        """Sum of two tensors of one shape: `{name}_add`."""
        return keras.layers.Add(name=f"{name}_add")([residual, shortcut])

    def max_pool(self, features, name):
        """3x3 maximum with stride 2; its padding of 1 never wins: `{name}_pool`."""
        # SAME would pad an even side at its end only, unlike PyTorch.
        padding = LowestPadding(((1, 1), (1, 1)), name=f"{name}_pool_pad")
        return keras.layers.MaxPooling2D(3, 2, name=f"{name}_pool")(padding(features))

    def logits(self, features, num_classes):
        """Global average pool and dense layer: `pool`, `logits`."""
        pooled = keras.layers.GlobalAveragePooling2D(name="pool")(features)
        initializer = keras.initializers.RandomNormal(stddev=0.01, seed=self._layer_seed("logits"))
        return keras.layers.Dense(num_classes, kernel_initializer=initializer, name="logits")(
            pooled
        )

    def _layer_seed(self, name):
        # By name and not by position: a change in one layer leaves the others' weights alone.
        return zlib.crc32(f"{self._seed}/{name}".encode())
