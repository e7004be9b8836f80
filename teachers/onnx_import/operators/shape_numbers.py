"""Arithmetic on tensor shapes whose batch size N is not known: numbers of the form a + b N.

Exporters write `x.view(x.size(0), -1)` of a free batch as Shape, Gather, Unsqueeze, Concat and
Reshape; what these compute is known but for N.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.folding import fold
from teachers.onnx_import.operators.layout import Features
from teachers.onnx_import.operators.refusal import UnsupportedNodeError


@dataclass(frozen=True)
class ShapeNumbers:
    """Whole numbers, some of which depend on the batch size N: `known + batches N`.

    Attributes:
        known: int64, of any shape.
        batches: int64, of the same shape.
        source: some features whose batch size is N.
    """

    known: np.ndarray
    batches: np.ndarray
    source: Features

    def sizes(self) -> list[int | None]:
        """Returns the numbers as sizes of axes; None for one that is exactly N.

        Raises:
            UnsupportedNodeError: a number is another function of N, or they are no list.
        """
        if self.known.ndim != 1:
            raise UnsupportedNodeError(f"a shape is given by numbers of shape {self.known.shape}")
        pairs = list(zip(self.known.tolist(), self.batches.tolist(), strict=True))
        for known, batches in pairs:
            if batches and (known, batches) != (0, 1):
                raise UnsupportedNodeError(
                    f"a size is {known} + {batches} x the batch, wanted the batch or a number"
                )
        return [None if batches else known for known, batches in pairs]

    def __str__(self):
        pairs = zip(self.known.ravel().tolist(), self.batches.ravel().tolist(), strict=True)
        return str([f"{known}+{batches}N" if batches else known for known, batches in pairs])


def shape_of(features: Features) -> ShapeNumbers:
    """Returns the sizes of features; the batch is N even where the file fixes it."""
    batches = np.array([axis == 0 for axis in features.order], np.int64)
    known = np.array([size or 0 for size in features.shape], np.int64) * (1 - batches)
    return ShapeNumbers(known, batches, features)


def compute(
    node: OnnxNode, inputs: Sequence[ShapeNumbers | np.ndarray | None]
) -> ShapeNumbers | np.ndarray:
    """Computes a node of which some input is `ShapeNumbers` and the others are constants.

    Returns:
        an array where N has dropped out.

    Raises:
        UnsupportedNodeError: the operator is not one of `SHAPE_OPERATORS`, or its result is not of
            the form a + b N.
    """
    source = next(value.source for value in inputs if isinstance(value, ShapeNumbers))
    known, batches = SHAPE_OPERATORS[node.operator](node, inputs)
    if not np.any(batches):
        return np.asarray(known)
    return ShapeNumbers(np.asarray(known), np.asarray(batches), source)


def _split(value):
    if isinstance(value, ShapeNumbers):
        return value.known, value.batches
    return value, np.zeros_like(value)


def _move(node, inputs):
    """Moves numbers, the same way for both parts; all inputs but the first say where to."""
    if any(isinstance(value, ShapeNumbers) for value in inputs[1:]):
        raise UnsupportedNodeError("positions that depend on the batch are not supported")
    return tuple(fold(node, [part, *inputs[1:]]) for part in _split(inputs[0]))


def _concatenate(node, inputs):
    parts = zip(*(_split(value) for value in inputs), strict=True)
    return tuple(fold(node, part) for part in parts)


def _cast(node, inputs):
    known, batches = _split(inputs[0])
    if node.attributes.get("to") not in (6, 7):  # TensorProto.INT32, INT64
        raise UnsupportedNodeError("a shape becomes a number that is not whole")
    return known, batches


def _add(node, inputs):
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    return known + other_known, batches + other_batches


def _subtract(node, inputs):
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    return known - other_known, batches - other_batches


def _multiply(node, inputs):
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    if np.any(batches * other_batches):
        raise UnsupportedNodeError("the batch is multiplied by itself")
    return known * other_known, known * other_batches + batches * other_known


def _divide(node, inputs):
    del node
    (known, batches), (divisor, divisor_batches) = map(_split, inputs)
    if np.any(divisor_batches) or not np.all(divisor) or np.any(batches % divisor):
        raise UnsupportedNodeError("the batch is divided, or something is divided by it")
    if np.any((known % divisor != 0) & (batches != 0)):
        raise UnsupportedNodeError("a number with the batch in it is divided with a remainder")
    return known // divisor, batches // divisor


SHAPE_OPERATORS: dict[str, Callable] = {
    **dict.fromkeys(("Gather", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten"), _move),
    "Concat": _concatenate,
    "Cast": _cast,
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
}
"""What is known of each ONNX operator: (node, inputs) -> (known, batches)."""
