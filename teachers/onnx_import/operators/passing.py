"""ONNX operators that pass a value on or make one: Identity, Dropout, Cast, Constant, Expand."""

import math

import numpy as np
import numpy.typing as npt
import onnx

from teachers.layers.moving_layers import RepeatedConstant
from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.folding import MAXIMUM_NUMBERS
from teachers.onnx_import.operators.layout import Features, natural
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    Value,
    apply_layer,
    constant_input,
    features_input,
    operator,
    weight_input,
)
from teachers.onnx_import.operators.shape_numbers import ShapeNumbers


@operator("Identity")
def identity(node: OnnxNode, inputs: Inputs) -> Value:
    """Passes a tensor or a weight on."""
    del node
    return inputs[0]


@operator("Dropout")
def dropout(node: OnnxNode, inputs: Inputs) -> Value:
    """Passes its input on: teachers run in evaluation mode only."""
    if any(node.outputs[1:]):
        raise UnsupportedNodeError("its mask is not supported")
    training_mode = constant_input(inputs, 2)
    if training_mode is not None and np.any(training_mode):
        raise UnsupportedNodeError("it is in training mode; export in evaluation mode")
    return inputs[0]


@operator("Cast")
def cast(node: OnnxNode, inputs: Inputs) -> Features:
    """Passes features on, which are float32 already."""
    kind = node.attributes.get("to")
    if kind != onnx.TensorProto.FLOAT:
        raise UnsupportedNodeError(f"features become type {kind}, wanted float32")
    return features_input(inputs)


@operator("CastLike")
def cast_like(node: OnnxNode, inputs: Inputs) -> Value:
    """Casts a value to the type of features, float32."""
    del node
    value, example = inputs
    if isinstance(value, np.ndarray) and isinstance(example, Features):
        return value.astype(np.float32)
    if isinstance(example, np.ndarray) and example.dtype != np.float32:
        raise UnsupportedNodeError(f"features become {example.dtype}, wanted float32")
    return features_input(inputs)


@operator("Constant")
def constant(node: OnnxNode, inputs: Inputs) -> np.ndarray:
    """A weight stored in the node itself."""
    del inputs
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise UnsupportedNodeError(f"its value is one of {[*node.attributes]}, wanted numbers")


@operator("ConstantOfShape")
def constant_of_shape(node: OnnxNode, inputs: Inputs) -> Features:
    """One number in a shape whose first axis is the batch; some exports pad channels by it."""
    value = np.ravel(node.attributes.get("value", np.zeros(1, np.float32)))[0]
    return _repeated(node, value, inputs[0])


@operator("Expand")
def expand(node: OnnxNode, inputs: Inputs) -> Features:
    """A constant broadcast to a shape whose first axis is the batch."""
    return _repeated(node, weight_input(inputs, 0), inputs[1])


def _repeated(node: OnnxNode, constant: npt.ArrayLike, shape: Value) -> Features:
    if not isinstance(shape, ShapeNumbers):
        raise UnsupportedNodeError("its shape is not that of a batch")
    batch, *others = shape.sizes()
    sizes = [size for size in others if size is not None]
    if batch is not None or len(sizes) < len(others):
        raise UnsupportedNodeError(f"a constant of shape {shape}, wanted the batch first")
    if min(sizes, default=0) < 1 or math.prod(sizes) > MAXIMUM_NUMBERS:
        raise UnsupportedNodeError(f"a constant of shape {shape} is empty or too large")
    values = np.broadcast_to(np.asarray(constant, np.float32), (1, *sizes))[0]
    layer = RepeatedConstant(sizes, name=node.label)
    return natural(apply_layer(layer, shape.source.tensor, [values]))
