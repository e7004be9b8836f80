"""ONNX operators that change the axes of a tensor: Flatten, Reshape, Transpose, Squeeze, Unsqueeze.

Of a shape put together from the batch size, only the batch itself may be unknown.
"""

import math

import keras
import numpy as np

from teachers.onnx_import.operators.layout import Features, natural, row_major, without_axes
from teachers.onnx_import.operators.registry import (
    UnsupportedNodeError,
    features_input,
    operator,
    weight_input,
    whole_numbers,
)
from teachers.onnx_import.operators.shape_numbers import ShapeNumbers, shape_of


def _reshaped(node, features, sizes):
    """Returns the numbers of each image, as ONNX orders them, in axes of the given sizes."""
    tensor = row_major(features, f"{node.label}.order")
    if list(tensor.shape[1:]) == sizes:
        return natural(tensor)
    if len(sizes) == 1:
        return natural(keras.layers.Flatten(name=node.label)(tensor))
    return natural(keras.layers.Reshape(sizes, name=node.label)(tensor))


@operator("Flatten")
def flatten(node, inputs):
    """All axes but the first become one."""
    features = features_input(inputs)
    axis = node.attributes.get("axis", 1)
    if axis % len(features.order) != 1:
        raise UnsupportedNodeError(f"axis {axis} would mix the images of a batch, wanted 1")
    return _reshaped(node, features, [math.prod(features.tensor.shape[1:])])


@operator("Reshape")
def reshape(node, inputs):
    """To [N, ...], however it is spelled: N may be -1, 0 (keep), or the file's fixed batch."""
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


def _image_sizes(node, features, target):
    """Returns the wanted sizes without the batch, or None where they do not keep images apart."""
    is_shape = isinstance(target, ShapeNumbers)
    sizes = target.sizes() if is_shape else [int(size) for size in np.ravel(target)]
    if len(sizes) < 2 or features.order[0] != 0:
        return None
    if not node.attributes.get("allowzero", 0):
        shape = features.shape
        sizes = [
            shape[index] if size == 0 and index < len(shape) else size
            for index, size in enumerate(sizes)
        ]
    batch, *sizes = sizes
    width = math.prod(features.tensor.shape[1:])
    is_kept = batch is None or (node.batch is not None and batch == node.batch)
    if None in sizes or not (is_kept or batch == -1):
        return None
    if sizes.count(-1) == 1 and is_kept:
        known = -math.prod(sizes)
        if known < 1 or width % known:
            return None
        sizes[sizes.index(-1)] = width // known
    return sizes if min(sizes) > 0 and math.prod(sizes) == width else None


@operator("Transpose")
def transpose(node, inputs):
    """Renames the axes; the numbers stay where they are."""
    features = features_input(inputs)
    rank = len(features.order)
    permutation = list(node.attributes.get("perm", range(rank)[::-1]))
    if sorted(permutation) != list(range(rank)):
        raise UnsupportedNodeError(f"{permutation} is no order of {rank} axes")
    return Features(features.tensor, tuple(features.order[axis] for axis in permutation))


@operator("Squeeze")
def squeeze(node, inputs):
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
def unsqueeze(node, inputs):
    """Adds axes of one element; Keras holds them behind the others."""
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
def shape(node, inputs):
    """The sizes of a tensor, or since opset 15 some of them; the batch is not a number."""
    numbers = shape_of(features_input(inputs))
    part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
    known, batches = numbers.known[part], numbers.batches[part]
    return ShapeNumbers(known, batches, numbers.source) if batches.any() else known
