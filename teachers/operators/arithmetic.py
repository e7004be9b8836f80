"""ONNX Add, Sub, Mul and Div, between tensors or with a stored constant, as Keras layers."""

import keras
import numpy as np

from teachers.constant_layers import ConstantArithmetic, Divide
from teachers.operators.registry import (
    UnsupportedNodeError,
    apply_layer,
    operator,
    tensor_input,
)


def _binary(node, inputs, operation, layer_class):
    first, second = inputs
    if isinstance(first, np.ndarray):
        return _with_constant(node, tensor_input(inputs, 1), first, operation, constant_first=True)
    if isinstance(second, np.ndarray):
        return _with_constant(node, tensor_input(inputs, 0), second, operation)
    first, second = tensor_input(inputs, 0), tensor_input(inputs, 1)
    if len(first.shape) != len(second.shape):
        raise UnsupportedNodeError(
            f"its inputs have ranks {len(first.shape)} and {len(second.shape)}, wanted equal ones"
        )
    return layer_class(name=node.label)([first, second])


def _with_constant(node, features, constant, operation, constant_first=False):
    rank = len(features.shape)
    if constant.ndim > rank:
        raise UnsupportedNodeError(
            f"a constant of shape {constant.shape} would raise the rank of a tensor of rank {rank}"
        )
    # Leading ones first: ONNX broadcasts from the right in its own axis order.
    constant = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    if rank == 4:
        constant = constant.transpose(0, 2, 3, 1)
    layer = ConstantArithmetic(operation, constant.shape, constant_first, name=node.label)
    return apply_layer(layer, features, [constant])


@operator("Add")
def add(node, inputs):
    """Sum of two tensors; with two computed ones, where shortcuts end."""
    return _binary(node, inputs, "add", keras.layers.Add)


@operator("Sub")
def subtract(node, inputs):
    """Difference of two tensors."""
    return _binary(node, inputs, "subtract", keras.layers.Subtract)


@operator("Mul")
def multiply(node, inputs):
    """Product of two tensors, as in squeeze-and-excitation."""
    return _binary(node, inputs, "multiply", keras.layers.Multiply)


@operator("Div")
def divide(node, inputs):
    """Quotient of two tensors."""
    return _binary(node, inputs, "divide", Divide)
