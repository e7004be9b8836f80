"""The table of ONNX operators: each name maps to one function that builds Keras layers.

To add an operator: write its converter in the file of its kind (or in a new file, imported in this
folder's `__init__`), decorate it with `@operator("Name")`, and compare it with onnxruntime in the test
of the same name, by the fixtures `write_classifier` and `assert_agrees`. Only the table in
`test_registry.py` lists all names. Operators on stored numbers are in `folding.FOLDABLE`, on shapes in
`shape_numbers.SHAPE_OPERATORS`.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import keras
import numpy as np

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import IMAGE_ORDER, Features, arranged
from teachers.onnx_import.operators.refusal import UnsupportedNodeError
from teachers.onnx_import.operators.shape_numbers import ShapeNumbers

Value = Features | ShapeNumbers | np.ndarray | None
"""What a node reads or writes: computed from the images, computed from the batch size, or stored in the
file in ONNX' axis order; None for an optional input that is left out."""

Inputs = Sequence[Value]

Converter = Callable[[OnnxNode, Inputs], Value | tuple[Features, ...]]
"""(node, its inputs) -> its output, or several."""

ConverterT = TypeVar("ConverterT", bound=Converter)

OPERATORS: dict[str, Converter] = {}
"""Converter of each supported operator, by its ONNX name."""


def operator(name: str) -> Callable[[ConverterT], ConverterT]:
    """Registers the decorated function as the converter of ONNX operator `name`."""

    def register(converter: ConverterT) -> ConverterT:
        OPERATORS[name] = converter
        return converter

    return register


def features_input(
    inputs: Inputs, index: int = 0, ranks: Collection[int] | None = None
) -> Features:
    """Returns an input that must be computed from the images and have one of `ranks`, if given."""
    value = inputs[index] if index < len(inputs) else None
    if not isinstance(value, Features):
        raise UnsupportedNodeError(f"input {index} is not computed from the images")
    rank = len(value.order)
    if ranks is not None and rank not in ranks:
        raise UnsupportedNodeError(f"input {index} has rank {rank}, wanted {ranks}")
    return value


def image_input(node: OnnxNode, inputs: Inputs) -> keras.KerasTensor:
    """Returns the first input, [N, C, H, W] in ONNX, as [N, H, W, C]."""
    features = features_input(inputs, ranks=(4,))
    return arranged(features, IMAGE_ORDER, f"{node.label}.order")


def constant_input(inputs: Inputs, index: int) -> np.ndarray | None:
    """Returns an input that must be stored in the file, or None if it is left out."""
    value = inputs[index] if index < len(inputs) else None
    if isinstance(value, Features | ShapeNumbers):
        raise UnsupportedNodeError(f"input {index} is computed, wanted a stored weight")
    return value


def weight_input(inputs: Inputs, index: int) -> np.ndarray:
    """Returns an input that must be stored in the file."""
    value = constant_input(inputs, index)
    if value is None:
        raise UnsupportedNodeError(f"input {index} is missing, wanted a stored weight")
    return value


def whole_numbers(node: OnnxNode, inputs: Inputs, name: str, index: int) -> list[int] | None:
    """Returns a list of whole numbers, an attribute in older opsets and an input in newer ones.

    None if the file has neither.
    """
    given = constant_input(inputs, index)
    if given is None:
        given = node.attributes.get(name)
    return None if given is None else [int(number) for number in np.ravel(given)]


def apply_layer(
    layer: keras.Layer, features: keras.KerasTensor, weights: Sequence[np.ndarray]
) -> keras.KerasTensor:
    """Calls a layer, which builds it, then sets its weights."""
    outputs = layer(features)
    layer.set_weights(weights)
    return outputs
