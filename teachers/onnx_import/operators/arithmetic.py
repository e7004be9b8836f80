"""ONNX Add, Sum, Sub, Mul and Div, between tensors or with stored constants, as Keras layers."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from teachers.layers.constant_layers import ConstantArithmetic, Divide
from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, arranged, laid_out
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    features_input,
    operator,
)


def _binary(
    node: OnnxNode, inputs: Inputs, operation: str, layer_class: type[keras.layers.Layer]
) -> Features:
    first, second = inputs
    if isinstance(first, np.ndarray):
        features = features_input(inputs, 1)
        return _with_constant(node, features, first, operation, constant_first=True)
    if isinstance(second, np.ndarray):
        return _with_constant(node, features_input(inputs, 0), second, operation)
    return _of_features(node, [features_input(inputs, 0), features_input(inputs, 1)], layer_class)


def _of_features(
    node: OnnxNode, operands: Sequence[Features], layer_class: type[keras.layers.Layer]
) -> Features:
    """Combines features in the axis order of the largest, because the others are cheaper to move."""
    ranks = [len(features.order) for features in operands]
    if len(set(ranks)) > 1:
        raise UnsupportedNodeError(
            f"its inputs have ranks {' and '.join(map(str, ranks))}, wanted equal ones"
        )
    largest = max(operands, key=lambda features: math.prod(features.tensor.shape[1:]))
    tensors = [
        arranged(features, largest.order, f"{node.label}.order_{index}")
        for index, features in enumerate(operands)
    ]
    return largest.holding(layer_class(name=node.label)(tensors))


def _with_constant(
    node: OnnxNode,
    features: Features,
    constant: np.ndarray,
    operation: str,
    constant_first: bool = False,
) -> Features:
    constant = same_for_all_images(node, laid_out(constant, features))
    layer = ConstantArithmetic(operation, constant.shape, constant_first, name=node.label)
    return features.holding(apply_layer(layer, features.tensor, [constant]))


def same_for_all_images(node: OnnxNode, constant: np.ndarray) -> np.ndarray:
    """Returns a constant whose first axis is the batch for one image, if it is the same for all."""
    if constant.ndim and constant.shape[0] == node.batch and np.all(constant == constant[:1]):
        return constant[:1]
    if constant.ndim and constant.shape[0] != 1:
        raise UnsupportedNodeError(f"a constant of shape {constant.shape} differs between images")
    return constant


@operator("Add")
def add(node: OnnxNode, inputs: Inputs) -> Features:
    """Sum of two tensors; shortcuts end in one."""
    return _binary(node, inputs, "add", keras.layers.Add)


@operator("Sum")
def add_all(node: OnnxNode, inputs: Inputs) -> Features:
    """Sum of any number of tensors."""
    operands = [value for value in inputs if isinstance(value, Features)]
    constants = [value for value in inputs if isinstance(value, np.ndarray)]
    if not operands or len(operands) + len(constants) < len(inputs):
        raise UnsupportedNodeError("its inputs are not computed from the images")
    total = operands[0]
    if len(operands) > 1:
        total = _of_features(node, operands, keras.layers.Add)
    for index, constant in enumerate(constants):
        constant = same_for_all_images(node, laid_out(constant, total))
        layer = ConstantArithmetic("add", constant.shape, name=f"{node.label}.constant_{index}")
        total = total.holding(apply_layer(layer, total.tensor, [constant]))
    return total


@operator("Sub")
def subtract(node: OnnxNode, inputs: Inputs) -> Features:
    """Difference of two tensors."""
    return _binary(node, inputs, "subtract", keras.layers.Subtract)


@operator("Mul")
def multiply(node: OnnxNode, inputs: Inputs) -> Features:
    """Product of two tensors, as in squeeze-and-excitation and in SiLU, x times its sigmoid."""
    return _binary(node, inputs, "multiply", keras.layers.Multiply)


@operator("Div")
def divide(node: OnnxNode, inputs: Inputs) -> Features:
    """Quotient of two tensors."""
    return _binary(node, inputs, "divide", Divide)
