"""Convolutions and pools of Keras as ONNX nodes with explicit padding."""

import dataclasses
import math

import keras

from teachers.onnx_export.layer_nodes.pointwise import write_activation
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import LOWEST, Features, UnsupportedLayerError

NONE = ((0, 0), (0, 0))


@writes(keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
def convolution(writer, layer, inputs, name, shape):
    """Any two-dimensional convolution: grouped, depthwise, dilated, strided."""
    features = inputs[0]
    kernel = layer.kernel.numpy()  # [height, width, C_in / groups, C_out]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        height, width, groups, multiplier = kernel.shape
        kernel = kernel.reshape(height, width, 1, groups * multiplier)
    else:
        groups = layer.groups
    own = _own_padding(layer, layer.kernel_size, layer.dilation_rate, features.shape)
    features, waiting = _take_padding(features, 0.0, own)
    operands = [
        writer.whole(features),
        writer.weight(f"{name}.kernel", kernel.transpose(3, 2, 0, 1)),
    ]
    if layer.use_bias:
        operands.append(writer.weight(f"{name}.bias", layer.bias.numpy()))
    output = writer.node(
        "Conv",
        operands,
        name,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        dilations=layer.dilation_rate,
        group=groups,
        pads=_onnx_pads(own, waiting),
    )
    return Features(write_activation(writer, layer.activation, output, f"{name}.activation"), shape)


@writes(keras.layers.MaxPooling2D)
def max_pool(writer, layer, inputs, name, shape):
    """Maximum over a window; SAME pads by what never wins, in Keras as in ONNX."""
    own = _own_padding(layer, layer.pool_size, (1, 1), inputs[0].shape)
    features, waiting = _take_padding(inputs[0], LOWEST, own, layer.pool_size)
    output = writer.node(
        "MaxPool",
        [writer.whole(features)],
        name,
        kernel_shape=layer.pool_size,
        strides=layer.strides,
        pads=_onnx_pads(own, waiting),
    )
    return Features(output, shape)


@writes(keras.layers.AveragePooling2D)
def average_pool(writer, layer, inputs, name, shape):
    """Mean over a window: zeros of a padding layer count, those of SAME do not."""
    own = _own_padding(layer, layer.pool_size, (1, 1), inputs[0].shape)
    features, waiting = _take_padding(inputs[0], 0.0, own, layer.pool_size)
    if NONE not in (own, waiting):
        raise UnsupportedLayerError("the padding before it counts, its own does not")
    output = writer.node(
        "AveragePool",
        [writer.whole(features)],
        name,
        kernel_shape=layer.pool_size,
        strides=layer.strides,
        pads=_onnx_pads(own, waiting),
        count_include_pad=int(own == NONE),
    )
    return Features(output, shape)


def _own_padding(layer, kernel_size, dilations, shape):
    """Returns ((top, bottom), (left, right)) by which the layer itself pads."""
    if layer.padding == "valid":
        return NONE
    if layer.padding != "same":
        raise UnsupportedLayerError(f"padding {layer.padding!r}, wanted 'same' or 'valid'")
    sides = []
    axes = zip(shape[1:3], kernel_size, layer.strides, dilations, strict=True)
    for size, kernel, stride, dilation in axes:
        # TensorFlow's SAME: as little as gives ceil(size / stride), the odd pixel at the end.
        output = math.ceil(size / stride)
        total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        sides.append((total // 2, total - total // 2))
    return tuple(sides)


def _take_padding(features, value, own, window=None):
    """Returns a tensor and the padding before it, which its reader is to add on top of its own.

    Args:
        features: what the reader reads.
        value: by which the reader pads.
        own: how much the reader pads by itself.
        window: size that padding must stay under on every side, which onnxruntime demands of
            pools; None for no limit.

    Raises:
        UnsupportedLayerError: the reader cannot take the padding over. A node of its own would be
            right, but onnxruntime folds it into the reader all the same: a maximum over zeros and
            negative numbers then comes out negative (PadFusion, seen in 1.31).
    """
    padding = features.padding
    if padding is None or features.is_permuted:
        return features, NONE
    if padding.value != value:
        raise UnsupportedLayerError(f"the padding before it is of {padding.value:g}, not {value:g}")
    if window is not None:
        sides = zip(padding.sides, own, window, strict=True)
        if any(max(map(sum, zip(*sums, strict=True))) >= size for *sums, size in sides):
            raise UnsupportedLayerError(f"the padding before it is as large as its window {window}")
    return dataclasses.replace(features, padding=None), padding.sides


def _onnx_pads(own, waiting):
    """Returns the sum of two paddings in ONNX' order: top, left, bottom, right."""
    return [own[axis][end] + waiting[axis][end] for end in (0, 1) for axis in (0, 1)]
