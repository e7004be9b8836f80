import itertools

import keras
import numpy as np
import pytest

from teachers.onnx_import.operators.layout import (
    IMAGE_ORDER,
    Features,
    arranged,
    image,
    laid_out,
    natural,
    row_major,
    without_axes,
)
from teachers.onnx_import.operators.refusal import UnsupportedNodeError

SIZES = (5, 7, 11)  # channels, height, width
ORDERS = [(0, *rest) for rest in itertools.permutations((1, 2, 3))]


def held(order):
    """Features of ONNX shape [N, 5, 7, 11] that Keras holds in some order."""
    shape = [None] * 4
    for axis, size in enumerate(SIZES, start=1):
        shape[order[axis]] = size
    return Features(keras.Input(shape[1:]), order)


def test_an_image_is_held_channels_last():
    features = image(keras.KerasTensor((None, 7, 11, 5)))
    assert features.shape == (None, *SIZES)
    assert [features.keras_axis(axis) for axis in (1, 2, -1)] == [3, 1, 2]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("wanted", ORDERS)
def test_arranged_keeps_what_each_axis_means(order, wanted):
    features = held(order)
    moved = features.__class__(arranged(features, wanted, "order"), wanted)
    assert moved.shape == features.shape
    numbers = np.arange(2 * 385, dtype=np.float32).reshape(2, *SIZES)
    model = keras.Model(features.tensor, moved.tensor)
    computed = model(numbers.transpose(np.argsort(order))).numpy()
    np.testing.assert_array_equal(computed, numbers.transpose(np.argsort(wanted)))
    assert (order == wanted) == (moved.tensor is features.tensor)


def test_axes_of_one_element_are_not_moved_but_renamed():
    pooled = image(keras.Input((1, 1, 5)))
    assert "reshape" in arranged(pooled, (0, 1, 2, 3), "o")._keras_history.operation.__module__


def test_numbers_in_a_row_are_moved_only_where_their_order_differs():
    pooled = image(keras.Input((1, 1, 5)))
    assert row_major(pooled, "o") is pooled.tensor
    assert row_major(held(IMAGE_ORDER), "o").shape == (None, *SIZES)


def test_the_batch_stays_first():
    with pytest.raises(UnsupportedNodeError, match="along another axis"):
        arranged(Features(keras.KerasTensor((None, 5)), (1, 0)), (0, 1), "o")
    with pytest.raises(UnsupportedNodeError, match="axis -4 is the batch"):
        held(IMAGE_ORDER).keras_axis(-4)
    with pytest.raises(UnsupportedNodeError, match="axis 4 does not exist"):
        held(IMAGE_ORDER).onnx_axis(4)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(), (11,), (7, 1), (5, 1, 1), (1, 5, 7, 11)])
def test_constants_are_laid_out_as_onnx_broadcasts_them(order, shape):
    constant = np.random.default_rng(1).random(shape)
    numbers = np.random.default_rng(2).random((2, *SIZES))
    wanted = (numbers + constant).transpose(np.argsort(order))
    computed = numbers.transpose(np.argsort(order)) + laid_out(constant, held(order))
    np.testing.assert_array_equal(computed, wanted)


def test_a_constant_of_more_axes_is_refused():
    with pytest.raises(UnsupportedNodeError, match="raise the rank"):
        laid_out(np.ones((1, 1, 1, 1, 5)), held(IMAGE_ORDER))


def test_orders_without_some_axes():
    assert without_axes(IMAGE_ORDER, {1, 2}) == (0, 1)
    assert without_axes(IMAGE_ORDER, {3}) == (0, 1, 2)
    assert without_axes((0, 2, 3, 1), {1}) == (0, 1, 2)
    assert natural(keras.KerasTensor((None, 5, 7))).order == (0, 1, 2)
