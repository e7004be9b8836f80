"""Keras layers that move numbers, and means over all pixels, as ONNX nodes."""

import math

import keras
import numpy as np

from teachers.layers.constant_layers import LowestPadding
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import LOWEST, Features, Padding, UnsupportedLayerError


@writes(keras.layers.ZeroPadding2D, LowestPadding)
def padding(writer, layer, inputs, name, shape):
    """Leaves the padding to the layer that reads it."""
    value = LOWEST if isinstance(layer, LowestPadding) else 0.0
    sides = tuple(tuple(int(pixels) for pixels in side) for side in layer.padding)
    return Features(writer.whole(inputs[0]), shape, Padding(sides, value, name))


@writes(keras.layers.Cropping2D)
def cropping(writer, layer, inputs, name, shape):
    """Cuts pixels off the sides."""
    (top, _), (left, _) = layer.cropping
    operands = [
        writer.weight(f"{name}.starts", np.int64([top, left])),
        writer.weight(f"{name}.ends", np.int64([top + shape[1], left + shape[2]])),
        writer.weight(f"{name}.axes", np.int64([2, 3])),
    ]
    return Features(writer.node("Slice", [writer.whole(inputs[0]), *operands], name), shape)


@writes(keras.layers.Permute)
def permute(writer, layer, inputs, name, shape):
    """Channels first before a Flatten, as the importer makes it: ONNX' own order, so no node."""
    del name
    if tuple(layer.dims) != (3, 1, 2):
        raise UnsupportedLayerError(f"it permutes to {tuple(layer.dims)}, wanted (3, 1, 2)")
    return Features(writer.whole(inputs[0]), shape, is_permuted=True)


@writes(keras.layers.Flatten)
def flatten(writer, layer, inputs, name, shape):
    """All axes but the first become one, in Keras' order: channels innermost."""
    features = inputs[0]
    if features.is_permuted:
        return Features(writer.node("Flatten", [features.tensor], name), shape)
    tensor = writer.whole(features)
    if len(features.shape) == 4 and math.prod(features.shape[1:3]) > 1 and features.shape[3] > 1:
        tensor = writer.node("Transpose", [tensor], f"{name}.order", perm=[0, 2, 3, 1])
    return Features(writer.node("Flatten", [tensor], name), shape)


@writes(keras.layers.Reshape)
def reshape(writer, layer, inputs, name, shape):
    """Between [N, K] and K channels of one pixel, in either direction."""
    read = inputs[0].shape
    if not {read[1:], shape[1:]} <= {(1, 1, shape[-1]), (shape[-1],)}:
        raise UnsupportedLayerError(
            f"it reshapes {read} to {shape}, wanted [N, K] and [N, 1, 1, K]"
        )
    target = [-1, shape[-1], *([1, 1] if len(shape) == 4 else [])]
    operands = [writer.whole(inputs[0]), writer.weight(f"{name}.shape", np.int64(target))]
    return Features(writer.node("Reshape", operands, name), shape)


@writes(keras.layers.Concatenate)
def concatenate(writer, layer, inputs, name, shape):
    """Tensors side by side along one axis."""
    axis = layer.axis % len(shape)
    if len(shape) == 4:
        axis = {1: 2, 2: 3, 3: 1}.get(axis)
    if not axis:
        raise UnsupportedLayerError(f"it concatenates along axis {layer.axis}, that of the batch")
    tensors = [writer.whole(features) for features in inputs]
    return Features(writer.node("Concat", tensors, name, axis=axis), shape)


@writes(keras.layers.GlobalAveragePooling2D)
def global_average_pool(writer, layer, inputs, name, shape):
    """Mean over all pixels."""
    pooled = writer.node("GlobalAveragePool", [writer.whole(inputs[0])], name)
    if not layer.keepdims:
        pooled = writer.node("Flatten", [pooled], f"{name}.flatten")
    return Features(pooled, shape)
