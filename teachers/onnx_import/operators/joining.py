"""ONNX Concat, Split, Slice and Pad of features, of which ResNet's option-A shortcuts are made."""

import keras
import numpy as np

from teachers.layers.moving_layers import Padding, RepeatedConstant, StridedSlice
from teachers.onnx_import.graph import MAXIMUM_SIDE, OnnxNode
from teachers.onnx_import.operators.arithmetic import same_for_all_images
from teachers.onnx_import.operators.layout import Features, arranged, laid_out
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    features_input,
    operator,
    whole_numbers,
)


@operator("Concat")
def concatenate(node: OnnxNode, inputs: Inputs) -> Features:
    """Concatenates tensors along any axis but the batch."""
    first = next((value for value in inputs if isinstance(value, Features)), None)
    if first is None:
        raise UnsupportedNodeError("none of its inputs is computed from the images")
    axis = first.keras_axis(node.attributes.get("axis", 1))
    tensors = []
    for index, value in enumerate(inputs):
        if isinstance(value, np.ndarray):
            tensors.append(_repeated(node, value, first, index))
        else:
            features = features_input(inputs, index, ranks=(len(first.order),))
            tensors.append(arranged(features, first.order, f"{node.label}.order_{index}"))
    if len(tensors) == 1:
        return first
    return first.holding(keras.layers.Concatenate(axis, name=node.label)(tensors))


def _repeated(
    node: OnnxNode, constant: np.ndarray, features: Features, index: int
) -> keras.KerasTensor:
    """Returns a constant as a tensor with the batch size of the features."""
    if constant.ndim != len(features.order):
        raise UnsupportedNodeError(f"input {index} has rank {constant.ndim}")
    constant = laid_out(constant, features)
    if constant.shape[0] != node.batch:
        raise UnsupportedNodeError(f"a constant for {constant.shape[0]} images has a fixed batch")
    constant = same_for_all_images(node, constant)
    layer = RepeatedConstant(constant.shape[1:], name=f"{node.label}.constant_{index}")
    return apply_layer(layer, features.tensor, [constant[0]])


@operator("Slice")
def take_slice(node: OnnxNode, inputs: Inputs) -> Features:
    """Takes a range of some axes, in steps; attributes before opset 10, inputs since then."""
    features = features_input(inputs)
    starts = whole_numbers(node, inputs, "starts", 1) or []
    ends = whole_numbers(node, inputs, "ends", 2) or []
    axes = whole_numbers(node, inputs, "axes", 3)
    axes = list(range(len(starts))) if axes is None else axes
    steps = whole_numbers(node, inputs, "steps", 4) or [1] * len(starts)
    taken = [(0, size, 1) for size in features.tensor.shape[1:]]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        found = features.order[features.onnx_axis(axis)]
        if found == 0 and start == 0 and step == 1 and end >= (node.batch or MAXIMUM_SIDE):
            continue  # the whole batch; if its size is free, up to an end that no batch reaches
        size = features.tensor.shape[features.keras_axis(axis)]
        if not step or not len(range(size)[start:end:step]):
            raise UnsupportedNodeError(f"nothing is left of axis {axis} of {features.shape}")
        taken[found - 1] = slice(start, end, step).indices(size)
    if taken == [(0, size, 1) for size in features.tensor.shape[1:]]:
        return features
    return features.holding(StridedSlice(taken, name=node.label)(features.tensor))


@operator("Split")
def split(node: OnnxNode, inputs: Inputs) -> tuple[Features, ...]:
    """Cuts one axis but the batch into as many pieces as the node has outputs."""
    features = features_input(inputs)
    axis = features.keras_axis(node.attributes.get("axis", 0))
    size, count = features.tensor.shape[axis], len(node.outputs)
    # Equal pieces if the file gives no sizes; if they cannot be equal, the last is smaller.
    sizes = whole_numbers(node, inputs, "split", 1) or [
        min(-(-size // count), size - start) for start in range(0, size, -(-size // count))
    ]
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 1:
        raise UnsupportedNodeError(f"pieces of {sizes} do not make up the {size} of axis {axis}")
    pieces, start = [], 0
    for index, piece in enumerate(sizes):
        taken = [(0, other, 1) for other in features.tensor.shape[1:]]
        taken[axis - 1] = (start, start + piece, 1)
        layer = StridedSlice(taken, name=f"{node.label}.piece_{index}")
        pieces.append(features.holding(layer(features.tensor)))
        start += piece
    return tuple(pieces)


@operator("Pad")
def pad(node: OnnxNode, inputs: Inputs) -> Features:
    """Pads any axes but the batch by a constant, zero by default, or by reflection."""
    features = features_input(inputs)
    rank = len(features.order)
    pads = whole_numbers(node, inputs, "pads", 1) or []
    axes = whole_numbers(node, inputs, "axes", 3)
    axes = list(range(rank)) if axes is None else axes
    mode = node.attributes.get("mode", "constant")
    given = constant_input(inputs, 2)
    value = node.attributes.get("value", 0.0) if given is None else float(given.item())
    if len(pads) != 2 * len(axes) or not all(0 <= size <= MAXIMUM_SIDE for size in pads):
        raise UnsupportedNodeError(f"pads {pads} of axes {axes}, wanted two for each, 0 or more")
    if mode not in ("constant", "reflect"):
        raise UnsupportedNodeError(f"mode {mode!r}, wanted 'constant' or 'reflect'")
    padding = [(0, 0)] * (rank - 1)
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        if before or after:
            padding[features.keras_axis(axis) - 1] = (before, after)
    if not any(map(any, padding)):
        return features
    is_zero = mode == "constant" and value == 0
    if is_zero and rank == 4 and not any(padding[2]):
        layer = keras.layers.ZeroPadding2D(tuple(padding[:2]), name=node.label)
    else:
        layer = Padding(padding, value, mode, name=node.label)
    return features.holding(layer(features.tensor))
