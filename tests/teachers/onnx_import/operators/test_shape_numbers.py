import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import image
from teachers.onnx_import.operators.refusal import UnsupportedNodeError
from teachers.onnx_import.operators.shape_numbers import ShapeNumbers, compute, shape_of

FEATURES = image(keras.KerasTensor((None, 7, 11, 5)))


def node(operator, **attributes):
    return OnnxNode(operator, "n", "n", ("in",), ("out",), attributes, opset=17, batch=None)


def at(value, batch):
    """The numbers for a batch of that size."""
    if isinstance(value, ShapeNumbers):
        return value.known + value.batches * batch
    return value


def test_a_shape_knows_all_but_the_batch():
    numbers = shape_of(FEATURES)
    assert at(numbers, 3).tolist() == [3, 5, 7, 11]
    assert numbers.sizes() == [None, 5, 7, 11]
    assert str(numbers) == "['0+1N', 5, 7, 11]"


def test_numbers_without_the_batch_are_plain():
    part = compute(node("Gather"), [shape_of(FEATURES), np.int64([2, 3])])
    assert isinstance(part, np.ndarray)
    assert part.tolist() == [7, 11]


def test_moving_keeps_the_batch():
    numbers = shape_of(FEATURES)
    batch = compute(node("Gather"), [numbers, np.int64(0)])
    row = compute(node("Unsqueeze"), [batch, np.int64([0])])
    joined = compute(node("Concat", axis=0), [np.int64([-1]), row, np.int64([2])])
    assert at(joined, 13).tolist() == [-1, 13, 2]
    assert joined.sizes() == [-1, None, 2]
    assert compute(node("Cast", to=7), [joined]).sizes() == [-1, None, 2]


@hypothesis.given(
    first=strategies.tuples(strategies.integers(-9, 9), strategies.sampled_from((0, 1, -4))),
    other=strategies.tuples(strategies.integers(-9, 9), strategies.sampled_from((0, 1, -4))),
    operator=strategies.sampled_from(["Add", "Sub", "Mul", "Div"]),
)
def test_arithmetic_holds_for_every_batch(first, other, operator):
    values = [
        ShapeNumbers(np.int64([known]), np.int64([batches]), FEATURES)
        if batches
        else np.int64([known])
        for known, batches in (first, other)
    ]
    hypothesis.assume(any(isinstance(value, ShapeNumbers) for value in values))
    try:
        computed = compute(node(operator), values)
    except UnsupportedNodeError:
        assert operator in ("Mul", "Div")
        return
    for batch in (1, 2, 13):
        left, right = (at(value, batch) for value in values)
        exact = {"Add": left + right, "Sub": left - right, "Mul": left * right}
        wanted = exact[operator] if operator in exact else left / right
        np.testing.assert_array_equal(at(computed, batch), wanted)


@pytest.mark.parametrize(
    ("operator", "inputs", "reason"),
    [
        ("Mul", [shape_of(FEATURES)] * 2, "multiplied by itself"),
        ("Div", [np.int64([2]), shape_of(FEATURES)], "divided by it"),
        ("Div", [shape_of(FEATURES), np.int64([0])], "divided by it"),
        ("Cast", [shape_of(FEATURES)], "not whole"),
        ("Reshape", [np.int64([2]), shape_of(FEATURES)], "positions that depend"),
    ],
)
def test_other_functions_of_the_batch_are_refused(operator, inputs, reason):
    with pytest.raises(UnsupportedNodeError, match=reason):
        compute(node(operator, to=1), inputs)


@pytest.mark.parametrize(("known", "batches"), [(0, 2), (1, 1), (0, -1)])
def test_only_the_batch_itself_is_a_size(known, batches):
    numbers = ShapeNumbers(np.int64([known]), np.int64([batches]), FEATURES)
    with pytest.raises(UnsupportedNodeError, match=f"{known} \\+ {batches} x the batch"):
        numbers.sizes()
    with pytest.raises(UnsupportedNodeError, match="numbers of shape"):
        ShapeNumbers(np.int64(1), np.int64(1), FEATURES).sizes()
