"""Convolutions and pools of Keras as ONNX nodes with explicit padding."""

import dataclasses
from collections.abc import Sequence
from typing import cast

import keras

from rnascl_tf.layers import PointwiseConvolution
from teachers.onnx_export.layer_nodes.pointwise import write_activation
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import (
    LOWEST,
    Features,
    OnnxWriter,
    Shape,
    UnsupportedLayerError,
)
from teachers.same_padding import same_padding

Sides = tuple[tuple[int, int], tuple[int, int]]
"""((top, bottom), (left, right)) pixels."""

NONE: Sides = ((0, 0), (0, 0))


@writes(keras.layers.Conv2D, keras.layers.DepthwiseConv2D, PointwiseConvolution)
def convolution(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
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
def max_pool(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Maximum over a window; SAME pads with the lowest number, in Keras as in ONNX."""
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
def average_pool(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Mean over a window: zeros of a padding layer are counted, those of SAME are not."""
    own = _own_padding(layer, layer.pool_size, (1, 1), inputs[0].shape)
    features, waiting = _take_padding(inputs[0], 0.0, own, layer.pool_size)
    if NONE not in (own, waiting):
        raise UnsupportedLayerError("the padding before it is counted in the mean, its own is not")
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


def _own_padding(
    layer: keras.layers.Layer, kernel_size: Sequence[int], dilations: Sequence[int], shape: Shape
) -> Sides:
    """Returns ((top, bottom), (left, right)) by which the layer itself pads."""
    if layer.padding == "valid":
        return NONE
    if layer.padding != "same":
        raise UnsupportedLayerError(f"padding {layer.padding!r}, wanted 'same' or 'valid'")
    size = cast(tuple[int, int], shape[1:3])  # images of free size are refused before
    vertical, horizontal = zip(size, kernel_size, layer.strides, dilations, strict=True)
    return same_padding(*vertical), same_padding(*horizontal)


def _take_padding(
    features: Features, value: float, own: Sides, window: Sequence[int] | None = None
) -> tuple[Features, Sides]:
    """Returns a tensor and the padding before it, which its reader adds to its own.

    Args:
        features: the reader's input.
        value: what the reader pads with.
        own: how much the reader pads by itself.
        window: size of a pool, which onnxruntime wants to be larger than the padding on every side;
            None for no limit.

    Raises:
        UnsupportedLayerError: the reader cannot take over the padding. A node of its own would be
            right, but onnxruntime folds it into the reader anyway, and a maximum over zeros and
            negative numbers is then negative (PadFusion, seen in 1.31).
    """
    padding = features.padding
    if padding is None or features.is_permuted:
        return features, NONE
    if padding.value != value:
        raise UnsupportedLayerError(
            f"the padding before it is by {padding.value:g}, wanted {value:g}"
        )
    if window is not None:
        sides = zip(padding.sides, own, window, strict=True)
        if any(max(map(sum, zip(*sums, strict=True))) >= size for *sums, size in sides):
            raise UnsupportedLayerError(f"the padding before it is as large as its window {window}")
    return dataclasses.replace(features, padding=None), padding.sides


def _onnx_pads(own: Sides, waiting: Sides) -> list[int]:
    """Returns the sum of two paddings in ONNX' order: top, left, bottom, right."""
    return [own[axis][end] + waiting[axis][end] for end in (0, 1) for axis in (0, 1)]
