"""ONNX activations as Keras layers."""

import keras
import numpy as np

from teachers.layers.constant_layers import Clip
from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, laid_out
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    features_input,
    operator,
    weight_input,
)


def _elementwise(inputs: Inputs, layer: keras.layers.Layer) -> Features:
    features = features_input(inputs)
    return features.holding(layer(features.tensor))


@operator("Relu")
def relu(node: OnnxNode, inputs: Inputs) -> Features:
    """max(x, 0)."""
    return _elementwise(inputs, keras.layers.ReLU(name=node.label))


@operator("LeakyRelu")
def leaky_relu(node: OnnxNode, inputs: Inputs) -> Features:
    """Gives x, or alpha x for negative x; ONNX' default alpha is 0.01."""
    slope = node.attributes.get("alpha", 0.01)
    return _elementwise(inputs, keras.layers.LeakyReLU(slope, name=node.label))


@operator("PRelu")
def parametric_relu(node: OnnxNode, inputs: Inputs) -> Features:
    """Gives x, or slope x for negative x; the slope is stored and broadcasts to x."""
    features = features_input(inputs)
    slope = laid_out(weight_input(inputs, 1), features)
    sizes = zip(slope.shape, features.tensor.shape, strict=True)
    if slope.shape[0] != 1 or not all(size in (1, wanted) for size, wanted in sizes):
        raise UnsupportedNodeError(
            f"a slope of shape {slope.shape} does not fit features of {features.tensor.shape}"
        )
    shared = [axis for axis, size in enumerate(slope.shape) if axis and size == 1]
    layer = keras.layers.PReLU(shared_axes=shared or None, name=node.label)
    return features.holding(apply_layer(layer, features.tensor, [slope[0]]))


@operator("Clip")
def clip(node: OnnxNode, inputs: Inputs) -> Features:
    """min(max(x, minimum), maximum); the bounds are attributes before opset 11, inputs since then."""
    bounds = []
    for index, name in ((1, "min"), (2, "max")):
        given = constant_input(inputs, index)
        bound = node.attributes.get(name) if given is None else given.item()
        bounds.append(bound)
    minimum, maximum = bounds
    # Keras' own layer if it is a ReLU, because TensorFlow has a kernel for ReLU6.
    is_relu = minimum == 0 and (maximum is None or 0 <= maximum < np.inf)
    layer = keras.layers.ReLU(maximum, name=node.label) if is_relu else None
    return _elementwise(inputs, layer or Clip(minimum, maximum, name=node.label))


@operator("Sigmoid")
def sigmoid(node: OnnxNode, inputs: Inputs) -> Features:
    """1 / (1 + exp(-x))."""
    return _elementwise(inputs, keras.layers.Activation("sigmoid", name=node.label))


@operator("Swish")
def swish(node: OnnxNode, inputs: Inputs) -> Features:
    """Gives x / (1 + exp(-alpha x)), an operator of its own since opset 24; only alpha 1, SiLU."""
    alpha = node.attributes.get("alpha", 1.0)
    if alpha != 1:
        raise UnsupportedNodeError(f"alpha {alpha} is not supported, wanted 1")
    return _elementwise(inputs, keras.layers.Activation("silu", name=node.label))


@operator("HardSigmoid")
def hard_sigmoid(node: OnnxNode, inputs: Inputs) -> Features:
    """min(max(alpha x + beta, 0), 1); ONNX' default alpha 0.2 is not PyTorch's 1/6."""
    alpha = node.attributes.get("alpha", 0.2)
    beta = node.attributes.get("beta", 0.5)
    features = features_input(inputs)
    scaled = keras.layers.Rescaling(alpha, beta, name=f"{node.label}.scale")(features.tensor)
    return features.holding(keras.layers.ReLU(max_value=1.0, name=node.label)(scaled))


@operator("HardSwish")
def hard_swish(node: OnnxNode, inputs: Inputs) -> Features:
    """Gives x min(max(x / 6 + 1/2, 0), 1)."""
    return _elementwise(inputs, keras.layers.Activation("hard_silu", name=node.label))
