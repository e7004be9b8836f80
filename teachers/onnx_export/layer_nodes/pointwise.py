"""Activations and arithmetic of Keras as ONNX nodes."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from teachers.layers.constant_layers import Clip, ConstantArithmetic, Divide
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import (
    Features,
    OnnxWriter,
    Shape,
    UnsupportedLayerError,
    channels_first,
)

ARITHMETIC = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div"}
"""ONNX operator of each operation of `ConstantArithmetic`."""

OF_TENSORS = {
    keras.layers.Add: "Add",
    keras.layers.Subtract: "Sub",
    keras.layers.Multiply: "Mul",
    Divide: "Div",
}
"""ONNX operator of each layer that combines tensors, from left to right."""


def write_activation(
    writer: OnnxWriter, activation: Callable[..., Any], tensor: str, name: str
) -> str:
    """Writes an activation function of Keras on a tensor and returns the resulting tensor.

    Raises:
        UnsupportedLayerError: the function has no writer.
    """
    if activation is keras.activations.linear:
        return tensor
    if activation is keras.activations.relu:
        return writer.node("Relu", [tensor], name)
    if activation is keras.activations.relu6:
        return _clip(writer, tensor, 0.0, 6.0, name)
    if activation is keras.activations.sigmoid:
        return writer.node("Sigmoid", [tensor], name)
    if activation is keras.activations.silu:
        gate = writer.node("Sigmoid", [tensor], f"{name}.gate")
        return writer.node("Mul", [tensor, gate], name)
    if activation is keras.activations.hard_sigmoid:
        return writer.node("HardSigmoid", [tensor], name, alpha=1 / 6, beta=0.5)
    if activation is keras.activations.hard_silu:
        return writer.node("HardSwish", [tensor], name)
    raise UnsupportedLayerError(f"activation {getattr(activation, '__name__', activation)}")


def _clip(
    writer: OnnxWriter, tensor: str, minimum: float | None, maximum: float | None, name: str
) -> str:
    bounds = [
        "" if bound is None else writer.weight(f"{name}.{side}", np.float32(bound))
        for side, bound in (("minimum", minimum), ("maximum", maximum))
    ]
    return writer.node("Clip", [tensor, *bounds], name)


@writes(keras.layers.Activation)
def activation(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """An activation function as a layer."""
    return Features(
        write_activation(writer, layer.activation, writer.whole(inputs[0]), name), shape
    )


@writes(keras.layers.ReLU)
def relu(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """The maximum of 0 and the features, with a largest value or a slope below 0."""
    tensor = writer.whole(inputs[0])
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        raise UnsupportedLayerError("it has a threshold, or both a slope and a largest value")
    if layer.negative_slope:
        output = writer.node("LeakyRelu", [tensor], name, alpha=float(layer.negative_slope))
    elif layer.max_value is not None:
        output = _clip(writer, tensor, 0.0, layer.max_value, name)
    else:
        output = writer.node("Relu", [tensor], name)
    return Features(output, shape)


@writes(keras.layers.LeakyReLU)
def leaky_relu(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """One slope below 0 for all channels."""
    slope = float(layer.negative_slope)
    return Features(writer.node("LeakyRelu", [writer.whole(inputs[0])], name, alpha=slope), shape)


@writes(keras.layers.PReLU)
def parametric_relu(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """A learned slope below 0 for each channel, or for each pixel of it."""
    slope = channels_first(layer.alpha.numpy()[None], len(shape))
    operands = [writer.whole(inputs[0]), writer.weight(f"{name}.slope", slope[0])]
    return Features(writer.node("PRelu", operands, name), shape)


@writes(Clip)
def clip(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Limits the features on one side or both."""
    tensor = writer.whole(inputs[0])
    return Features(_clip(writer, tensor, layer.minimum, layer.maximum, name), shape)


@writes(*OF_TENSORS)
def arithmetic(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Two or more tensors combined, from left to right."""
    if len({len(features.shape) for features in inputs}) > 1:
        raise UnsupportedLayerError("its inputs differ in rank")
    first, *others = (writer.whole(features) for features in inputs)
    total, names = (
        first,
        itertools.chain((f"{name}.{index}" for index in range(1, len(others))), [name]),
    )
    for other, part in zip(others, names, strict=True):
        total = writer.node(OF_TENSORS[type(layer)], [total, other], part)
    return Features(total, shape)


@writes(ConstantArithmetic)
def constant_arithmetic(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """A stored constant on one side."""
    constant = channels_first(layer.constant.numpy(), len(shape))
    operands = [writer.whole(inputs[0]), writer.weight(f"{name}.constant", constant)]
    if layer.constant_first:
        operands.reverse()
    return Features(writer.node(ARITHMETIC[layer.operation], operands, name), shape)


@writes(keras.layers.Rescaling)
def rescaling(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Each number times a scale plus an offset."""
    scale, offset = (
        writer.weight(f"{name}.{part}", channels_first(np.float32(value), len(shape)))
        for part, value in (("factor", layer.scale), ("offset", layer.offset))
    )
    scaled = writer.node("Mul", [writer.whole(inputs[0]), scale], f"{name}.scale")
    return Features(writer.node("Add", [scaled, offset], name), shape)
