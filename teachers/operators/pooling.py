"""ONNX pooling and spatial means as Keras layers."""

import keras
import numpy as np

from teachers.constant_layers import ConstantArithmetic, LowestPadding
from teachers.operators.registry import (
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    operator,
    tensor_input,
)
from teachers.operators.window import read_window


def _pooling_window(node, features):
    window = read_window(node, features.shape[1:3])
    if max(window.dilations) > 1:
        raise UnsupportedNodeError("dilated pooling is not supported")
    return window


@operator("MaxPool")
def max_pool(node, inputs):
    """Maximum over a window; padding never wins."""
    if any(node.outputs[1:]):
        raise UnsupportedNodeError("the indices of the maxima are not supported")
    features = tensor_input(inputs, ranks=(4,))
    window = _pooling_window(node, features)
    if np.any(window.padding_with_overhang):
        features = LowestPadding(window.padding_with_overhang, name=f"{node.label}.pad")(features)
    return keras.layers.MaxPooling2D(window.kernel_size, window.strides, name=node.label)(features)


@operator("AveragePool")
def average_pool(node, inputs):
    """Mean over a window, over its real pixels only or, with count_include_pad, padding too."""
    features = tensor_input(inputs, ranks=(4,))
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
        return pooled
    layer = ConstantArithmetic("multiply", correction.shape, name=f"{node.label}.counts")
    return apply_layer(layer, pooled, [correction])


def _counts(window, image_size, include_padding):
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
def global_average_pool(node, inputs):
    """Mean over all pixels, [N, H, W, C] to [N, 1, 1, C]."""
    features = tensor_input(inputs, ranks=(4,))
    return keras.layers.GlobalAveragePooling2D(keepdims=True, name=node.label)(features)


@operator("ReduceMean")
def reduce_mean(node, inputs):
    """Mean over both spatial axes; they are an attribute before opset 18 and an input since."""
    features = tensor_input(inputs, ranks=(4,))
    given = constant_input(inputs, 1)
    axes = node.attributes.get("axes", ()) if given is None else given
    if sorted(int(axis) % 4 for axis in axes) != [2, 3]:
        raise UnsupportedNodeError(f"mean over axes {list(axes)}, wanted both spatial axes 2 and 3")
    keep = bool(node.attributes.get("keepdims", 1))
    return keras.layers.GlobalAveragePooling2D(keepdims=keep, name=node.label)(features)
