"""ONNX operators that move or pass numbers on: Flatten, Reshape, Identity, Dropout, Constant."""

import math

import keras
import numpy as np

from teachers.operators.registry import (
    UnsupportedNodeError,
    constant_input,
    operator,
    tensor_input,
    weight_input,
)


def _flatten(node, features):
    """Flattens to [N, features] in ONNX' order: channels outermost."""
    if len(features.shape) == 2:
        return features
    _, height, width, channels = features.shape
    if height * width > 1 and channels > 1:
        features = keras.layers.Permute((3, 1, 2), name=f"{node.label}.order")(features)
    return keras.layers.Flatten(name=node.label)(features)


@operator("Flatten")
def flatten(node, inputs):
    """All axes but the first become one."""
    features = tensor_input(inputs)
    axis = node.attributes.get("axis", 1)
    if axis % len(features.shape) != 1:
        raise UnsupportedNodeError(f"axis {axis} would mix the images of a batch, wanted 1")
    return _flatten(node, features)


@operator("Reshape")
def reshape(node, inputs):
    """To [N, -1] only, however it is spelled: N may be -1, 0 (keep) or the file's fixed batch."""
    features = tensor_input(inputs)
    target = [int(size) for size in weight_input(inputs, 1)]
    width = math.prod(features.shape[1:])
    is_flat = len(target) == 2 and target[1] in (-1, width)
    if is_flat:
        kept = target[0] == 0 and not node.attributes.get("allowzero", 0)
        fixed = node.batch is not None and target[0] == node.batch
        is_flat = kept or fixed or (target[0] == -1 and target[1] == width)
    if not is_flat:
        raise UnsupportedNodeError(
            f"reshape of {features.shape} to {target}, wanted [N, {width}] or [0, -1]"
        )
    return _flatten(node, features)


@operator("Identity")
def identity(node, inputs):
    """Passes a tensor or a weight on."""
    del node
    return inputs[0]


@operator("Dropout")
def dropout(node, inputs):
    """Nothing at inference, which is the only mode of a teacher."""
    if any(node.outputs[1:]):
        raise UnsupportedNodeError("its mask is not supported")
    training_mode = constant_input(inputs, 2)
    if training_mode is not None and np.any(training_mode):
        raise UnsupportedNodeError("it drops in training mode; export in evaluation mode")
    return inputs[0]


@operator("Constant")
def constant(node, inputs):
    """A weight kept in the node itself."""
    del inputs
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise UnsupportedNodeError(f"its value is one of {[*node.attributes]}, wanted numbers")
