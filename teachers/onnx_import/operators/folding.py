"""Computes nodes whose inputs are all stored in the file, by ONNX' own reference evaluator.

Exporters leave such arithmetic in graphs: pads and shapes put together number by number, weights
scaled or transposed. The size of the result is bounded before it is computed.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from rnascl_tf.errors import first_line
from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.refusal import UnsupportedNodeError

MAXIMUM_NUMBERS = 2**25
"""Largest result of one folded node, in numbers: 128 MiB in float32."""

_ELEMENTWISE = frozenset(
    [
        *("Abs", "Add", "Cast", "Ceil", "Div", "Equal", "Exp", "Floor", "Greater", "Less", "Log"),
        *("Max", "Min", "Mod", "Mul", "Neg", "Not", "Pow", "Reciprocal", "Sqrt", "Sub", "Where"),
    ]
)
_MOVING = frozenset(
    [
        *("CastLike", "Concat", "Flatten", "ReduceProd", "Reshape", "Shape", "Size", "Slice"),
        *("Squeeze", "Transpose", "Unsqueeze"),
    ]
)
_GROWING = frozenset(["ConstantOfShape", "Expand", "Gather"])

FOLDABLE = _ELEMENTWISE | _MOVING | _GROWING
"""ONNX operators that are computed if all their inputs are constants."""


def fold(node: OnnxNode, arrays: Sequence[np.ndarray | None]) -> np.ndarray:
    """Computes a node of `FOLDABLE`.

    Args:
        node: of one output.
        arrays: its inputs; None for an optional one that is left out.

    Raises:
        UnsupportedNodeError: the result would be too large, or the node does not fit its inputs.
    """
    try:
        size = _size(node, arrays)
    except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise UnsupportedNodeError(f"its inputs do not fit ({first_line(error)})") from error
    if size > MAXIMUM_NUMBERS:
        raise UnsupportedNodeError(f"it makes {size} numbers, at most {MAXIMUM_NUMBERS} are folded")
    try:
        with np.errstate(all="ignore"):
            (result,) = _evaluator(node, arrays).run(
                None, {f"input{i}": a for i, a in enumerate(arrays) if a is not None}
            )
    except Exception as error:  # the evaluator's errors share no base but this
        raise UnsupportedNodeError(f"it cannot be computed ({first_line(error)})") from error
    return np.asarray(result)


def _size(node: OnnxNode, arrays: Sequence[np.ndarray | None]) -> int:
    """Returns an upper bound of the size of the result."""
    shapes = [np.shape(array) for array in arrays if array is not None]
    if node.operator in _ELEMENTWISE:
        return math.prod(np.broadcast_shapes(*shapes))
    if node.operator in _MOVING:
        return sum(math.prod(shape) for shape in shapes) + len(shapes)
    if node.operator == "ConstantOfShape":
        return math.prod(_numbers(arrays[0]))
    if node.operator == "Expand":
        return math.prod(np.broadcast_shapes(shapes[0], _numbers(arrays[1])))
    rows = shapes[0][node.attributes.get("axis", 0)]  # of Gather
    return math.prod(shapes[1]) * (math.prod(shapes[0]) // max(rows, 1))


def _numbers(array: np.ndarray | None) -> tuple[int, ...]:
    """Returns the sizes that a shape input gives."""
    if array is None:
        raise TypeError("its shape is left out")
    return tuple(int(size) for size in array)


def _evaluator(node: OnnxNode, arrays: Sequence[np.ndarray | None]) -> ReferenceEvaluator:
    names = ["" if array is None else f"input{index}" for index, array in enumerate(arrays)]
    attributes = {
        name: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
    }
    proto = helper.make_node(node.operator, names, ["output"], **attributes)
    inputs = [
        helper.make_tensor_value_info(
            f"input{index}", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for index, array in enumerate(arrays)
        if array is not None
    ]
    output = helper.make_empty_tensor_value_info("output")
    graph = helper.make_graph([proto], "node", inputs, [output])
    opset = helper.make_opsetid("", node.opset)
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[opset]))
