import keras
import numpy as np
import pytest

from teachers.operators import OPERATORS
from teachers.operators.registry import (
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    tensor_input,
    weight_input,
)

TENSOR = keras.KerasTensor((None, 5, 7, 3))
WEIGHT = np.ones((2, 3))


def test_the_table_holds_what_is_promised():
    assert set(OPERATORS) == {
        *("Conv", "BatchNormalization", "Relu", "Clip", "Add", "Sub", "Mul", "Div", "MaxPool"),
        *("AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Gemm"),
        *("MatMul", "Identity", "Dropout", "Constant", "Sigmoid", "HardSwish", "HardSigmoid"),
    }


def test_inputs_are_told_apart():
    assert tensor_input([WEIGHT, TENSOR], 1) is TENSOR
    assert constant_input([TENSOR, WEIGHT], 1) is WEIGHT
    assert constant_input([TENSOR, None], 1) is None
    assert constant_input([TENSOR], 1) is None


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda: tensor_input([WEIGHT]), "not computed from the images"),
        (lambda: tensor_input([]), "not computed from the images"),
        (lambda: tensor_input([TENSOR], ranks=(2,)), "rank 4"),
        (lambda: constant_input([TENSOR], 0), "is computed"),
        (lambda: weight_input([TENSOR], 1), "input 1 is missing"),
    ],
)
def test_wrong_inputs_are_refused(read, reason):
    with pytest.raises(UnsupportedNodeError, match=reason):
        read()


def test_a_layer_is_called_and_then_given_its_weights():
    layer = keras.layers.Dense(2, use_bias=False)
    outputs = apply_layer(layer, keras.KerasTensor((None, 3)), [np.arange(6.0).reshape(3, 2)])
    assert outputs.shape == (None, 2)
    np.testing.assert_array_equal(layer.get_weights()[0], np.arange(6.0).reshape(3, 2))
