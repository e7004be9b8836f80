"""ONNX operators that change the axes of a tensor: Flatten, Reshape, Transpose, Squeeze, Unsqueeze.

In a shape computed from the batch size, only the batch itself may be unknown.
"""

import math

import keras
import numpy as np

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, natural, row_major, without_axes
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    Value,
    features_input,
    operator,
    weight_input,
    whole_numbers,
)
from teachers.onnx_import.operators.shape_numbers import ShapeNumbers, shape_of


def _reshaped(node: OnnxNode, features: Features, sizes: list[int]) -> Features:
    """Returns the numbers of each image, as ONNX orders them, in axes of the given sizes."""
    tensor = row_major(features, f"{node.label}.order")
    if list(tensor.shape[1:]) == sizes:
        return natural(tensor)
    if len(sizes) == 1:
        return natural(keras.layers.Flatten(name=node.label)(tensor))
    return natural(keras.layers.Reshape(sizes, name=node.label)(tensor))


@operator("Flatten")
def flatten(node: OnnxNode, inputs: Inputs) -> Features:
    """All axes but the first become one."""
    features = features_input(inputs)
    axis = node.attributes.get("axis", 1)
    if axis % len(features.order) != 1:
        raise UnsupportedNodeError(f"axis {axis} would mix the images of a batch, wanted 1")
    return _reshaped(node, features, [math.prod(features.tensor.shape[1:])])


@operator("Reshape")
def reshape(node: OnnxNode, inputs: Inputs) -> Features:
    """Reshapes to [N, ...]; the file may write N as -1, 0 (keep), or its fixed batch."""
    features = features_input(inputs)
    target = inputs[1]
    if not isinstance(target, ShapeNumbers):
        target = weight_input(inputs, 1)
    sizes = _image_sizes(node, features, target)
    if sizes is None:
        wanted = target if isinstance(target, ShapeNumbers) else target.tolist()
        raise UnsupportedNodeError(
            f"reshape of {features.shape} to {wanted}, wanted [N, ...] with "
            f"{math.prod(features.tensor.shape[1:])} numbers for each image"
        )
    if sizes == list(features.shape[1:]):
        return features
    return _reshaped(node, features, sizes)


def _image_sizes(
    node: OnnxNode, features: Features, target: ShapeNumbers | np.ndarray
) -> list[int] | None:
    """Returns the wanted sizes without the batch, or None if they would mix images."""
    sizes: list[int | None]
    if isinstance(target, ShapeNumbers):
        sizes = target.sizes()
    else:
        sizes = [int(size) for size in np.ravel(target)]
    if len(sizes) < 2 or features.order[0] != 0:
        return None
    if not node.attributes.get("allowzero", 0):
        shape = features.shape
        sizes = [
            shape[index] if size == 0 and index < len(shape) else size
            for index, size in enumerate(sizes)
        ]
    batch = sizes[0]
    rest = [size for size in sizes[1:] if size is not None]
    width = math.prod(features.tensor.shape[1:])
    is_kept = batch is None or (node.batch is not None and batch == node.batch)
    if len(rest) < len(sizes) - 1 or not (is_kept or batch == -1):
        return None
    if rest.count(-1) == 1 and is_kept:
        known = -math.prod(rest)
        if known < 1 or width % known:
            return None
        rest[rest.index(-1)] = width // known
    return rest if min(rest) > 0 and math.prod(rest) == width else None


@operator("Transpose")
def transpose(node: OnnxNode, inputs: Inputs) -> Features:
    """Renames the axes; the numbers stay where they are."""
    features = features_input(inputs)
    rank = len(features.order)
    permutation = list(node.attributes.get("perm", range(rank)[::-1]))
    if sorted(permutation) != list(range(rank)):
        raise UnsupportedNodeError(f"{permutation} is not an order of {rank} axes")
    return Features(features.tensor, tuple(features.order[axis] for axis in permutation))


@operator("Squeeze")
def squeeze(node: OnnxNode, inputs: Inputs) -> Features:
    """Drops axes of one element, all of them or those named."""
    features = features_input(inputs)
    axes = whole_numbers(node, inputs, "axes", 1)
    if axes is None:
        if node.batch == 1:
            raise UnsupportedNodeError("it would drop the batch too; export with a free batch")
        axes = [axis for axis, size in enumerate(features.shape) if size == 1]
    removed = {features.keras_axis(axis) for axis in axes}
    shape = features.tensor.shape
    if any(shape[axis] != 1 for axis in removed):
        raise UnsupportedNodeError(f"axes {axes} of {features.shape} are not all of size 1")
    if not removed:
        return features
    sizes = [size for axis, size in enumerate(shape) if axis and axis not in removed]
    tensor = keras.layers.Reshape(sizes, name=node.label)(features.tensor)
    return Features(tensor, without_axes(features.order, removed))


@operator("Unsqueeze")
def unsqueeze(node: OnnxNode, inputs: Inputs) -> Features:
    """Adds axes of one element; Keras holds them after the others."""
    features = features_input(inputs)
    axes = whole_numbers(node, inputs, "axes", 1) or []
    rank = len(features.order) + len(axes)
    new = {axis % rank for axis in axes}
    if not axes or len(new) < len(axes) or not all(-rank <= axis < rank for axis in axes):
        raise UnsupportedNodeError(f"axes {axes} cannot be new ones of {rank}")
    old, added = iter(features.order), iter(range(len(features.order), rank))
    order = tuple(next(added if axis in new else old) for axis in range(rank))
    sizes = [*features.tensor.shape[1:], *(1 for _ in axes)]
    return Features(keras.layers.Reshape(sizes, name=node.label)(features.tensor), order)


@operator("Shape")
def shape(node: OnnxNode, inputs: Inputs) -> Value:
    """The sizes of a tensor, or since opset 15 a range of them; the batch is not a number."""
    numbers = shape_of(features_input(inputs))
    part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
    known, batches = numbers.known[part], numbers.batches[part]
    return ShapeNumbers(known, batches, numbers.source) if batches.any() else known
