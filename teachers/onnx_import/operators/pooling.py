"""ONNX pooling, and means and maxima over axes, as Keras layers."""

from collections.abc import Sequence

import keras
import numpy as np

from teachers.layers.constant_layers import ConstantArithmetic, LowestPadding
from teachers.layers.moving_layers import Reduction
from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, image, without_axes
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    features_input,
    image_input,
    operator,
    whole_numbers,
)
from teachers.onnx_import.operators.window import Window, read_window


def _pooling_window(node: OnnxNode, features: keras.KerasTensor) -> Window:
    window = read_window(node, features.shape[1:3])
    if max(window.dilations) > 1:
        raise UnsupportedNodeError("dilated pooling is not supported")
    return window


@operator("MaxPool")
def max_pool(node: OnnxNode, inputs: Inputs) -> Features:
    """Maximum over a window; padding never wins."""
    if any(node.outputs[1:]):
        raise UnsupportedNodeError("the indices of the maxima are not supported")
    features = image_input(node, inputs)
    window = _pooling_window(node, features)
    if np.any(window.padding_with_overhang):
        features = LowestPadding(window.padding_with_overhang, name=f"{node.label}.pad")(features)
    layer = keras.layers.MaxPooling2D(window.kernel_size, window.strides, name=node.label)
    return image(layer(features))


@operator("AveragePool")
def average_pool(node: OnnxNode, inputs: Inputs) -> Features:
    """Mean over a window: over its real pixels, or with count_include_pad over padding too."""
    features = image_input(node, inputs)
    window = _pooling_window(node, features)
    image_size = features.shape[1:3]
    if np.any(window.padding_with_overhang):
        features = keras.layers.ZeroPadding2D(
            window.padding_with_overhang, name=f"{node.label}.pad"
        )(features)
    pooled = keras.layers.AveragePooling2D(window.kernel_size, window.strides, name=node.label)(
        features
    )
    counts = _counts(window, image_size, bool(node.attributes.get("count_include_pad", 0)))
    correction = np.prod(window.kernel_size) / counts
    if np.all(correction == 1):
        return image(pooled)
    layer = ConstantArithmetic("multiply", correction.shape, name=f"{node.label}.counts")
    return image(apply_layer(layer, pooled, [correction]))


def _counts(window: Window, image_size: Sequence[int], include_padding: bool) -> np.ndarray:
    """Returns how many pixels each window averages over, [1, height, width, 1]."""
    counts = []
    for axis in range(2):
        before, after = window.padding[axis]
        counted = np.zeros(before + image_size[axis] + after + window.overhang[axis])
        start, stop = (0, before + image_size[axis] + after)
        if not include_padding:
            start, stop = before, before + image_size[axis]
        counted[start:stop] = 1
        views = np.lib.stride_tricks.sliding_window_view(counted, window.kernel_size[axis])
        counts.append(views[:: window.strides[axis]].sum(axis=-1))
    return np.outer(*counts)[None, :, :, None]


@operator("GlobalAveragePool")
def global_average_pool(node: OnnxNode, inputs: Inputs) -> Features:
    """Mean over all pixels; both axes stay, with one element."""
    layer = keras.layers.GlobalAveragePooling2D(keepdims=True, name=node.label)
    return image(layer(image_input(node, inputs)))


@operator("GlobalMaxPool")
def global_max_pool(node: OnnxNode, inputs: Inputs) -> Features:
    """Maximum over all pixels; both axes stay, with one element."""
    layer = keras.layers.GlobalMaxPooling2D(keepdims=True, name=node.label)
    return image(layer(image_input(node, inputs)))


def _reduce(
    node: OnnxNode, inputs: Inputs, operation: str, image_layer: type[keras.layers.Layer]
) -> Features:
    features = features_input(inputs)
    axes = whole_numbers(node, inputs, "axes", 1)
    if not axes:
        raise UnsupportedNodeError(f"{operation} over all axes, wanted axes without the batch")
    axes = sorted({features.keras_axis(axis) for axis in axes})
    keep = bool(node.attributes.get("keepdims", 1))
    if len(features.order) == 4 and axes == [1, 2]:
        layer = image_layer(keepdims=keep, name=node.label)
    else:
        layer = Reduction(operation, axes, keep, name=node.label)
    order = features.order if keep else without_axes(features.order, axes)
    return Features(layer(features.tensor), order)


@operator("ReduceMean")
def reduce_mean(node: OnnxNode, inputs: Inputs) -> Features:
    """Mean over some axes; they are an attribute before opset 18, an input since then."""
    return _reduce(node, inputs, "mean", keras.layers.GlobalAveragePooling2D)


@operator("ReduceMax")
def reduce_max(node: OnnxNode, inputs: Inputs) -> Features:
    """Maximum over some axes; they are given as for ReduceMean."""
    return _reduce(node, inputs, "max", keras.layers.GlobalMaxPooling2D)
