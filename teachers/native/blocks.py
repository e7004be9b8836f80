"""Residual blocks: basic and bottleneck (He et al. 2016), and basic with pre-activation.

Each takes features [N, height, width, channels] and returns [N, height / stride, width / stride,
filters], sizes rounded up. A shortcut projects by a 1x1 convolution where the shape changes.
"""

import keras

from teachers.native.layers import SeededLayers


def basic_block(
    layers: SeededLayers,
    features: keras.KerasTensor,
    filters: int,
    stride: int,
    name: str,
) -> keras.KerasTensor:
    """Two 3x3 convolutions, each with batch normalisation; relu between them and after the sum."""
    residual = layers.convolution(features, filters, 3, stride, f"{name}_first")
    residual = layers.batch_norm(residual, f"{name}_first")
    residual = layers.relu(residual, f"{name}_first")
    residual = layers.convolution(residual, filters, 3, 1, f"{name}_second")
    residual = layers.batch_norm(residual, f"{name}_second")
    return _joined(layers, features, residual, stride, name)


def bottleneck_block(
    layers: SeededLayers,
    features: keras.KerasTensor,
    filters: int,
    stride: int,
    name: str,
    *,
    expansion: int,
) -> keras.KerasTensor:
    """1x1 to `filters`, 3x3 with the stride, 1x1 to `expansion * filters`."""
    residual = features
    for part, kernel_size, part_stride in (("first", 1, 1), ("second", 3, stride)):
        residual = layers.convolution(residual, filters, kernel_size, part_stride, f"{name}_{part}")
        residual = layers.batch_norm(residual, f"{name}_{part}")
        residual = layers.relu(residual, f"{name}_{part}")
    residual = layers.convolution(residual, expansion * filters, 1, 1, f"{name}_third")
    residual = layers.batch_norm(residual, f"{name}_third")
    return _joined(layers, features, residual, stride, name)


def preactivation_block(
    layers: SeededLayers,
    features: keras.KerasTensor,
    filters: int,
    stride: int,
    name: str,
) -> keras.KerasTensor:
    """Two 3x3 convolutions, each after batch normalisation and relu; none follows the sum.

    A projection reads the activated input and has no batch normalisation; a shortcut without one
    passes the input untouched (Zhang 2019 and Rice 2020 share this form).
    """
    activated = layers.relu(layers.batch_norm(features, f"{name}_first"), f"{name}_first")
    residual = layers.convolution(activated, filters, 3, stride, f"{name}_first")
    residual = layers.relu(layers.batch_norm(residual, f"{name}_second"), f"{name}_second")
    residual = layers.convolution(residual, filters, 3, 1, f"{name}_second")
    if _changes_shape(features, residual, stride):
        features = layers.convolution(activated, filters, 1, stride, f"{name}_shortcut")
    return layers.add(residual, features, name)


def _joined(
    layers: SeededLayers,
    features: keras.KerasTensor,
    residual: keras.KerasTensor,
    stride: int,
    name: str,
) -> keras.KerasTensor:
    if _changes_shape(features, residual, stride):
        filters = residual.shape[-1]
        features = layers.convolution(features, filters, 1, stride, f"{name}_shortcut")
        features = layers.batch_norm(features, f"{name}_shortcut")
    return layers.relu(layers.add(residual, features, name), name)


def _changes_shape(features: keras.KerasTensor, residual: keras.KerasTensor, stride: int) -> bool:
    # By the stride and not by the sizes, because a 1x1 map keeps its size at stride 2.
    return stride != 1 or features.shape[-1] != residual.shape[-1]
