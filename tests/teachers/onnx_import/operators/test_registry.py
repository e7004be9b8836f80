import keras
import numpy as np
import pytest

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators import OPERATORS
from teachers.onnx_import.operators.layout import image, natural
from teachers.onnx_import.operators.registry import (
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    features_input,
    image_input,
    weight_input,
    whole_numbers,
)

TENSOR = natural(keras.KerasTensor((None, 5, 7, 3)))
NODE = OnnxNode("Conv", "n", "n", ("in",), ("out",), {"axes": [2, 3]}, opset=17, batch=None)
WEIGHT = np.ones((2, 3))


def test_the_table_holds_what_is_promised():
    assert set(OPERATORS) == {
        *("Conv", "BatchNormalization", "Relu", "Clip", "Add", "Sub", "Mul", "Div", "MaxPool"),
        *("AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Gemm"),
        *("MatMul", "Identity", "Dropout", "Constant", "Sigmoid", "HardSwish", "HardSigmoid"),
        *("LeakyRelu", "PRelu", "Swish", "Sum", "Concat", "Split", "Slice", "Pad", "Transpose"),
        *("Squeeze", "Unsqueeze", "Shape", "Cast", "CastLike", "ConstantOfShape", "Expand"),
        *("GlobalMaxPool", "ReduceMax"),
    }


def test_inputs_are_told_apart():
    assert features_input([WEIGHT, TENSOR], 1) is TENSOR
    assert constant_input([TENSOR, WEIGHT], 1) is WEIGHT
    assert constant_input([TENSOR, None], 1) is None
    assert constant_input([TENSOR], 1) is None


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda: features_input([WEIGHT]), "not computed from the images"),
        (lambda: features_input([]), "not computed from the images"),
        (lambda: features_input([TENSOR], ranks=(2,)), "rank 4"),
        (lambda: constant_input([TENSOR], 0), "is computed"),
        (lambda: weight_input([TENSOR], 1), "input 1 is missing"),
    ],
)
def test_wrong_inputs_are_refused(read, reason):
    with pytest.raises(UnsupportedNodeError, match=reason):
        read()


def test_an_image_is_handed_over_channels_last():
    assert image_input(NODE, [image(TENSOR.tensor)]) is TENSOR.tensor
    assert image_input(NODE, [TENSOR]).shape == (None, 7, 3, 5)


def test_whole_numbers_are_read_from_either_place():
    assert whole_numbers(NODE, [TENSOR], "axes", 1) == [2, 3]
    assert whole_numbers(NODE, [TENSOR, np.int64([5])], "axes", 1) == [5]
    assert whole_numbers(NODE, [TENSOR, None], "starts", 1) is None
    with pytest.raises(UnsupportedNodeError, match="input 1 is computed"):
        whole_numbers(NODE, [TENSOR, TENSOR], "axes", 1)


def test_a_layer_is_called_and_then_given_its_weights():
    layer = keras.layers.Dense(2, use_bias=False)
    outputs = apply_layer(layer, keras.KerasTensor((None, 3)), [np.arange(6.0).reshape(3, 2)])
    assert outputs.shape == (None, 2)
    np.testing.assert_array_equal(layer.get_weights()[0], np.arange(6.0).reshape(3, 2))
