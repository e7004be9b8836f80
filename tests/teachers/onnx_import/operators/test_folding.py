import numpy as np
import pytest

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.folding import MAXIMUM_NUMBERS, fold
from teachers.onnx_import.operators.refusal import UnsupportedNodeError


def node(operator, opset=17, **attributes):
    return OnnxNode(operator, "n", "n", ("in",), ("out",), attributes, opset=opset, batch=None)


def test_operators_follow_their_opset():
    numbers = np.arange(35.0, dtype=np.float32).reshape(5, 1, 7)
    np.testing.assert_array_equal(fold(node("Squeeze", 11, axes=[1]), [numbers]), numbers[:, 0])
    axes = np.int64([1])
    np.testing.assert_array_equal(fold(node("Squeeze", 13), [numbers, axes]), numbers[:, 0])
    np.testing.assert_array_equal(fold(node("Squeeze", 13), [numbers, None]), numbers[:, 0])


def test_padding_of_all_axes_as_pytorch_puts_it_together():
    reverse = [np.int64([0, 3, 1, 2, 4, 5]), np.int64([-1]), np.int64([-(2**63)]), np.int64([0])]
    turned = fold(node("Slice"), [*reverse, np.int64([-1])])
    assert turned.tolist() == [5, 4, 2, 1, 3, 0]
    assert fold(node("Cast", to=1), [turned]).dtype == np.float32


@pytest.mark.parametrize(
    ("operator", "arrays"),
    [
        ("ConstantOfShape", [np.int64([10**6, 10**6])]),
        ("Expand", [np.ones(1, np.float32), np.int64([2**40])]),
        ("Add", [np.ones((10**4, 1), np.float32), np.ones((1, 10**4), np.float32)]),
        ("Gather", [np.ones((2, 10**4), np.float32), np.zeros(10**4, np.int64)]),
    ],
)
def test_nothing_large_is_made(operator, arrays):
    with pytest.raises(UnsupportedNodeError, match=f"at most {MAXIMUM_NUMBERS} are folded"):
        fold(node(operator), arrays)


@pytest.mark.parametrize(
    ("operator", "arrays", "reason"),
    [
        ("Add", [np.ones(2), np.ones(3)], "do not fit"),
        ("Gather", [np.ones(3), np.int64([9])], "cannot be computed"),
        ("ConstantOfShape", [np.int64([-5])], "cannot be computed"),
        ("Expand", [np.ones(3), None], "do not fit"),
        ("Reshape", [np.ones(3), np.int64([7])], "cannot be computed"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(operator, arrays, reason):
    with pytest.raises(UnsupportedNodeError, match=reason):
        fold(node(operator), arrays)
