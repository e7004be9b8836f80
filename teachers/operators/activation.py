"""ONNX activations as Keras layers."""

import keras

from teachers.constant_layers import Clip
from teachers.operators.registry import constant_input, operator, tensor_input


@operator("Relu")
def relu(node, inputs):
    """max(x, 0)."""
    return keras.layers.ReLU(name=node.label)(tensor_input(inputs))


@operator("Clip")
def clip(node, inputs):
    """min(max(x, minimum), maximum); the bounds are attributes before opset 11, inputs since."""
    bounds = []
    for index, name in ((1, "min"), (2, "max")):
        given = constant_input(inputs, index)
        bound = node.attributes.get(name) if given is None else given.item()
        bounds.append(bound)
    return Clip(*bounds, name=node.label)(tensor_input(inputs))


@operator("Sigmoid")
def sigmoid(node, inputs):
    """1 / (1 + exp(-x))."""
    return keras.layers.Activation("sigmoid", name=node.label)(tensor_input(inputs))


@operator("HardSigmoid")
def hard_sigmoid(node, inputs):
    """min(max(alpha x + beta, 0), 1); ONNX' default alpha 0.2 is not PyTorch's 1/6."""
    alpha = node.attributes.get("alpha", 0.2)
    beta = node.attributes.get("beta", 0.5)
    scaled = keras.layers.Rescaling(alpha, beta, name=f"{node.label}.scale")(tensor_input(inputs))
    return keras.layers.ReLU(max_value=1.0, name=node.label)(scaled)


@operator("HardSwish")
def hard_swish(node, inputs):
    """Gives x min(max(x / 6 + 1/2, 0), 1)."""
    return keras.layers.Activation("hard_silu", name=node.label)(tensor_input(inputs))
