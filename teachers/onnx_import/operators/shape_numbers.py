"""Arithmetic on tensor shapes with an unknown batch size N: numbers of the form a + b N.

For a free batch, exporters write `x.view(x.size(0), -1)` as Shape, Gather, Unsqueeze, Concat and
Reshape; their results are known except for N.
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
    """Whole numbers that may depend on the batch size N: `known + batches N`.

    Attributes:
        known: int64, of any shape.
        batches: int64, of the same shape.
        source: features whose batch size is N.
    """

    known: np.ndarray
    batches: np.ndarray
    source: Features

    def sizes(self) -> list[int | None]:
        """Returns the numbers as sizes of axes; None for a size that is exactly N.

        Raises:
            UnsupportedNodeError: a number is another function of N, or they are not a list.
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

    def __str__(self) -> str:
        pairs = zip(self.known.ravel().tolist(), self.batches.ravel().tolist(), strict=True)
        return str([f"{known}+{batches}N" if batches else known for known, batches in pairs])


Numbers = ShapeNumbers | np.ndarray
Parts = tuple[np.ndarray, np.ndarray]
"""`known` and `batches`."""


def shape_of(features: Features) -> ShapeNumbers:
    """Returns the sizes of features; the batch is N even if the file fixes it."""
    batches = np.array([axis == 0 for axis in features.order], np.int64)
    known = np.array([size or 0 for size in features.shape], np.int64) * (1 - batches)
    return ShapeNumbers(known, batches, features)


def compute(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Numbers:
    """Computes a node whose inputs are `ShapeNumbers`, at least one, and constants.

    Returns:
        `ShapeNumbers`, or an array if N has dropped out.

    Raises:
        UnsupportedNodeError: the operator is not one of `SHAPE_OPERATORS`, or its result is not of
            the form a + b N.
    """
    source = next(value.source for value in inputs if isinstance(value, ShapeNumbers))
    known, batches = SHAPE_OPERATORS[node.operator](node, inputs)
    if not np.any(batches):
        return np.asarray(known)
    return ShapeNumbers(np.asarray(known), np.asarray(batches), source)


def _split(value: Numbers | None) -> Parts:
    if value is None:
        raise UnsupportedNodeError("an input is left out")
    if isinstance(value, ShapeNumbers):
        return value.known, value.batches
    return value, np.zeros_like(value)


def _move(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    """Moves both parts in the same way; all inputs but the first say where to."""
    where = [value for value in inputs[1:] if not isinstance(value, ShapeNumbers)]
    if len(where) < len(inputs) - 1:
        raise UnsupportedNodeError("positions that depend on the batch are not supported")
    known, batches = _split(inputs[0])
    return fold(node, [known, *where]), fold(node, [batches, *where])


def _concatenate(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    known, batches = zip(*(_split(value) for value in inputs), strict=True)
    return fold(node, known), fold(node, batches)


def _cast(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    known, batches = _split(inputs[0])
    if node.attributes.get("to") not in (6, 7):  # TensorProto.INT32, INT64
        raise UnsupportedNodeError("a shape becomes a number that is not whole")
    return known, batches


def _add(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    return known + other_known, batches + other_batches


def _subtract(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    return known - other_known, batches - other_batches


def _multiply(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    del node
    (known, batches), (other_known, other_batches) = map(_split, inputs)
    if np.any(batches * other_batches):
        raise UnsupportedNodeError("the batch is multiplied by itself")
    return known * other_known, known * other_batches + batches * other_known


def _divide(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Parts:
    del node
    (known, batches), (divisor, divisor_batches) = map(_split, inputs)
    if np.any(divisor_batches) or not np.all(divisor) or np.any(batches % divisor):
        raise UnsupportedNodeError("the batch is divided, or a number is divided by it")
    if np.any((known % divisor != 0) & (batches != 0)):
        raise UnsupportedNodeError("a number with the batch in it is divided with a remainder")
    return known // divisor, batches // divisor


SHAPE_OPERATORS: dict[str, Callable[[OnnxNode, Sequence[Numbers | None]], Parts]] = {
    **dict.fromkeys(("Gather", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten"), _move),
    "Concat": _concatenate,
    "Cast": _cast,
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
}
"""The arithmetic of each ONNX operator on shapes: (node, inputs) -> (known, batches)."""
