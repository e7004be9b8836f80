"""Keras layers that move numbers, and means over all pixels, as ONNX nodes."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from teachers.layers.constant_layers import LowestPadding
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import (
    LOWEST,
    Features,
    OnnxWriter,
    Padding,
    Shape,
    UnsupportedLayerError,
)


@writes(keras.layers.ZeroPadding2D, LowestPadding)
def padding(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Leaves the padding to the layer that reads it."""
    value = LOWEST if isinstance(layer, LowestPadding) else 0.0
    (top, bottom), (left, right) = layer.padding
    sides = (int(top), int(bottom)), (int(left), int(right))
    return Features(writer.whole(inputs[0]), shape, Padding(sides, value, name))


@writes(keras.layers.Cropping2D)
def cropping(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Cuts pixels off the sides."""
    (top, _), (left, _) = layer.cropping
    operands = [
        writer.weight(f"{name}.starts", np.array([top, left], np.int64)),
        writer.weight(f"{name}.ends", np.array([top + shape[1], left + shape[2]], np.int64)),
        writer.weight(f"{name}.axes", np.array([2, 3], np.int64)),
    ]
    return Features(writer.node("Slice", [writer.whole(inputs[0]), *operands], name), shape)


@writes(keras.layers.Permute)
def permute(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Channels first before a Flatten, as the importer writes it: ONNX' own order, so no node."""
    del name
    if tuple(layer.dims) != (3, 1, 2):
        raise UnsupportedLayerError(f"it permutes to {tuple(layer.dims)}, wanted (3, 1, 2)")
    return Features(writer.whole(inputs[0]), shape, is_permuted=True)


@writes(keras.layers.Flatten)
def flatten(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """All axes but the first become one, in Keras' order: channels innermost."""
    features = inputs[0]
    if features.is_permuted:
        return Features(writer.node("Flatten", [features.tensor], name), shape)
    tensor = writer.whole(features)
    *pixels, channels = features.sizes
    if len(pixels) == 2 and math.prod(pixels) > 1 and channels > 1:
        tensor = writer.node("Transpose", [tensor], f"{name}.order", perm=[0, 2, 3, 1])
    return Features(writer.node("Flatten", [tensor], name), shape)


@writes(keras.layers.Reshape)
def reshape(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Between [N, K] and K channels of one pixel, in either direction."""
    read = inputs[0].shape
    if not {read[1:], shape[1:]} <= {(1, 1, shape[-1]), (shape[-1],)}:
        raise UnsupportedLayerError(
            f"it reshapes {read} to {shape}, wanted [N, K] and [N, 1, 1, K]"
        )
    target = [-1, shape[-1], *([1, 1] if len(shape) == 4 else [])]
    operands = [writer.whole(inputs[0]), writer.weight(f"{name}.shape", np.array(target, np.int64))]
    return Features(writer.node("Reshape", operands, name), shape)


@writes(keras.layers.Concatenate)
def concatenate(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Concatenates tensors along one axis."""
    axis = layer.axis % len(shape)
    if len(shape) == 4:
        axis = {1: 2, 2: 3, 3: 1}.get(axis)
    if not axis:
        raise UnsupportedLayerError(f"it concatenates along axis {layer.axis}, that of the batch")
    tensors = [writer.whole(features) for features in inputs]
    return Features(writer.node("Concat", tensors, name, axis=axis), shape)


@writes(keras.layers.GlobalAveragePooling2D)
def global_average_pool(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Mean over all pixels."""
    pooled = writer.node("GlobalAveragePool", [writer.whole(inputs[0])], name)
    if not layer.keepdims:
        pooled = writer.node("Flatten", [pooled], f"{name}.flatten")
    return Features(pooled, shape)
