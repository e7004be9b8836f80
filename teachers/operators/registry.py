"""The table of ONNX operators: each name maps to one function that builds Keras layers.

A four-dimensional tensor is held channels last, [N, H, W, C]; one of any other rank as ONNX orders
it; a weight as a NumPy array in ONNX' order.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from teachers.onnx_graph import OnnxNode

Value = keras.KerasTensor | np.ndarray | None
"""What a node reads or writes; None where an optional input is left out."""

Converter = Callable[[OnnxNode, Sequence[Value]], Value]

OPERATORS: dict[str, Converter] = {}
"""Converter of each supported operator, by its ONNX name."""


class UnsupportedNodeError(Exception):
    """An operator is known but not in the form that a node uses; the message says which form."""


def operator(name: str) -> Callable[[Converter], Converter]:
    """Registers the decorated converter as that of ONNX operator `name`."""

    def register(converter):
        OPERATORS[name] = converter
        return converter

    return register


def tensor_input(inputs: Sequence[Value], index: int = 0, ranks=(2, 4)) -> keras.KerasTensor:
    """Returns an input that must be computed from the images and have one of `ranks`."""
    value = inputs[index] if index < len(inputs) else None
    if not isinstance(value, keras.KerasTensor):
        raise UnsupportedNodeError(f"input {index} is not computed from the images")
    if len(value.shape) not in ranks:
        raise UnsupportedNodeError(f"input {index} has rank {len(value.shape)}, wanted {ranks}")
    return value


def constant_input(inputs: Sequence[Value], index: int) -> np.ndarray | None:
    """Returns an input that must be stored in the file, or None where it is left out."""
    value = inputs[index] if index < len(inputs) else None
    if isinstance(value, keras.KerasTensor):
        raise UnsupportedNodeError(f"input {index} is computed, wanted a stored weight")
    return value


def weight_input(inputs: Sequence[Value], index: int) -> np.ndarray:
    """Returns an input that must be stored in the file and may not be left out."""
    value = constant_input(inputs, index)
    if value is None:
        raise UnsupportedNodeError(f"input {index} is missing, wanted a stored weight")
    return value


def apply_layer(
    layer: keras.Layer, features: keras.KerasTensor, weights: Sequence[np.ndarray]
) -> keras.KerasTensor:
    """Calls a layer, then gives it its weights; frees the caller from knowing when it is built."""
    outputs = layer(features)
    layer.set_weights(weights)
    return outputs
