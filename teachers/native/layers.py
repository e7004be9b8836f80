"""Layers of the native networks with PyTorch's geometry, each seeded by its own name."""

import zlib

import keras

from rnascl_tf.layers.batch_normalization import EPSILON
from rnascl_tf.layers.convolutions import convolution
from rnascl_tf.layers.initializers import dense_normal
from teachers.layers.constant_layers import LowestPadding


class SeededLayers:
    """Makes one network's layers; each method adds one to the functional network.

    Args:
        seed: of the network.
        batch_norm_momentum: weight of the old statistics per step (Keras' convention).
    """

    def __init__(self, seed: int, batch_norm_momentum: float) -> None:
        self._seed = seed
        self._momentum = batch_norm_momentum

    def convolution(
        self, features: keras.KerasTensor, filters: int, kernel_size: int, stride: int, name: str
    ) -> keras.KerasTensor:
        """Convolution without bias, padded by half a kernel on every side: `{name}_conv`."""
        return convolution(
            features, filters, kernel_size, stride, name, self._layer_seed(name), use_bias=False
        )

    def batch_norm(self, features: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Batch normalisation: `{name}_bn`."""
        return keras.layers.BatchNormalization(
            momentum=self._momentum, epsilon=EPSILON, name=f"{name}_bn"
        )(features)

    def relu(self, features: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Rectifier: `{name}_relu`."""
        return keras.layers.ReLU(name=f"{name}_relu")(features)

    def add(
        self, residual: keras.KerasTensor, shortcut: keras.KerasTensor, name: str
    ) -> keras.KerasTensor:
        """Sum of two tensors of one shape: `{name}_add`."""
        return keras.layers.Add(name=f"{name}_add")([residual, shortcut])

    def max_pool(self, features: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """3x3 maximum with stride 2, padded by 1 with the lowest number: `{name}_pool`."""
        # SAME would pad an even side at its end only, unlike PyTorch.
        padding = LowestPadding(((1, 1), (1, 1)), name=f"{name}_pool_pad")
        return keras.layers.MaxPooling2D(3, 2, name=f"{name}_pool")(padding(features))

    def logits(self, features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
        """Global average pool and dense layer: `pool`, `logits`."""
        pooled = keras.layers.GlobalAveragePooling2D(name="pool")(features)
        initializer = dense_normal(self._layer_seed("logits"))
        return keras.layers.Dense(num_classes, kernel_initializer=initializer, name="logits")(
            pooled
        )

    def _layer_seed(self, name: str) -> int:
        # By name and not by position: a change in one layer leaves the others' weights alone.
        return zlib.crc32(f"{self._seed}/{name}".encode())
