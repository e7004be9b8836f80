import keras
import numpy as np
import pytest

from teachers.layers.constant_layers import Clip, ConstantArithmetic, Divide


@pytest.mark.parametrize(
    ("activation", "operators"),
    [
        ("linear", set()),
        ("relu", {"Relu"}),
        ("relu6", {"Clip"}),
        ("sigmoid", {"Sigmoid"}),
        ("silu", {"Sigmoid", "Mul"}),
        ("hard_sigmoid", {"HardSigmoid"}),
        ("hard_silu", {"HardSwish"}),
    ],
)
def test_activations(activation, operators, agreed):
    def write(features):
        # Wide enough for every kink.
        wide = keras.layers.Rescaling(9.0, name="wide")(features)
        return keras.layers.Activation(activation, name="some")(wide)

    nodes = agreed(write)
    assert {node.op_type for name, node in nodes.items() if name.startswith("some")} == operators


def test_activations_without_a_writer_are_refused(refusal):
    message = refusal(keras.layers.Activation("tanh", name="some"))
    assert "Activation: activation tanh (at some)" in message


@pytest.mark.parametrize(
    ("layer", "operator"),
    [
        (keras.layers.ReLU(name="some"), "Relu"),
        (keras.layers.ReLU(max_value=0.5, name="some"), "Clip"),
        (keras.layers.ReLU(negative_slope=0.3, name="some"), "LeakyRelu"),
        (keras.layers.LeakyReLU(0.2, name="some"), "LeakyRelu"),
        (keras.layers.PReLU(name="some"), "PRelu"),
        (keras.layers.PReLU(shared_axes=[1, 2], name="some"), "PRelu"),
        (Clip(-0.2, None, name="some"), "Clip"),
        (Clip(None, 0.3, name="some"), "Clip"),
        (Clip(-0.2, 0.3, name="some"), "Clip"),
    ],
)
def test_activation_layers(layer, operator, agreed):
    nodes = agreed(layer)
    assert nodes["some"].op_type == operator


@pytest.mark.parametrize("options", [{"threshold": 0.1}, {"negative_slope": 0.1, "max_value": 1.0}])
def test_a_relu_that_onnx_has_no_node_for_is_refused(options, refusal):
    assert "ReLU: it has a threshold" in refusal(keras.layers.ReLU(**options))


@pytest.mark.parametrize(
    "layer", [keras.layers.Add, keras.layers.Subtract, keras.layers.Multiply, Divide]
)
def test_two_tensors(layer, agreed):
    def write(features):
        # Away from zero, so that quotients stay small.
        divisor = keras.layers.Rescaling(1.0, 3.0)(keras.layers.Activation("sigmoid")(features))
        return layer(name="some")([features, divisor])

    assert agreed(write)["some"].op_type in ("Add", "Sub", "Mul", "Div")


def test_three_tensors(agreed):
    def write(features):
        halved = keras.layers.Rescaling(0.5)(features)
        return keras.layers.Add(name="some")([features, halved, keras.layers.ReLU()(features)])

    nodes = agreed(write)
    assert {"some", "some.1"} <= set(nodes)


def test_channel_weights_are_broadcast(agreed):
    def write(features):
        weights = keras.layers.GlobalAveragePooling2D(keepdims=True)(features)
        return keras.layers.Multiply()([features, weights])

    agreed(write)


def test_tensors_of_two_ranks_are_refused(refusal):
    def write(features):
        weights = keras.layers.Dense(5)(keras.layers.Flatten()(features))
        return keras.layers.Add(name="some")([weights, features])

    assert "Add: its inputs differ in rank (at some)" in refusal(write)


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1, 5), (1, 7, 11, 1)])
def test_constants(operation, first, shape, agreed):
    def write(features):
        if first and operation == "divide":  # away from zero
            features = keras.layers.Rescaling(1.0, 3.0)(
                keras.layers.Activation("sigmoid")(features)
            )
        return ConstantArithmetic(operation, shape, first, name="some")(features)

    agreed(write)


@pytest.mark.parametrize("scale", [0.3, [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_rescaling(scale, agreed):
    agreed(keras.layers.Rescaling(scale, offset=np.array([1, 2, 3, 4, 5.0])))
