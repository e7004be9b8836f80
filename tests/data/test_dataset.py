import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.data.dataset import DataError, DataSet, Examples, unit_range


def examples_of(count, height=5, width=7, labels=None):
    pixels = np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)
    if labels is None:
        labels = np.arange(count) % 3
    return Examples(pixels, np.asarray(labels, np.int32))


def data_set(**changes):
    fields = {
        "name": "tiny",
        "train": examples_of(11),
        "validation": examples_of(5),
        "test": examples_of(3),
        "class_names": ("ant", "bee", "cow"),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "license": "CC0",
    }
    return DataSet(**{**fields, **changes})


def test_unit_range_is_every_pixel_over_255():
    pixels = np.arange(256, dtype=np.uint8)
    scaled = unit_range(pixels)
    assert scaled.dtype == np.float32
    # One rounding of the reciprocal and one of the product: half an ulp each, relative.
    np.testing.assert_allclose(scaled, np.arange(256) / 255, rtol=2**-23)
    assert scaled[0] == 0
    assert scaled[255] == 1


def test_unit_range_refuses_floats():
    with pytest.raises(DataError, match=r"uint8.*float64"):
        unit_range(np.ones(3))


def test_examples_as_float_and_length():
    examples = examples_of(11)
    assert len(examples) == 11
    np.testing.assert_array_equal(examples.as_float(), unit_range(examples.images))


@given(n=st.integers(1, 60), data=st.data())
def test_evenly_spaced_rows(n, data):
    count = data.draw(st.integers(1, n))
    pixels = np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1).repeat(3, axis=-1)
    subset = Examples(pixels, np.arange(n, dtype=np.int32)).evenly_spaced(count)
    wanted = [i * n // count for i in range(count)]
    assert subset.labels.tolist() == wanted
    assert subset.images[:, 0, 0, 2].tolist() == wanted
    assert len(set(wanted)) == count
    steps = np.diff([*wanted, n])
    assert steps.max() - steps.min() <= 1


def test_first_examples():
    assert examples_of(11).first(4).labels.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("method", ["first", "evenly_spaced"])
@pytest.mark.parametrize("count", [0, -1, 12, 2.0, True])
def test_subset_of_impossible_size_is_refused(method, count):
    with pytest.raises(DataError, match="number of examples must be"):
        getattr(examples_of(11), method)(count)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 5, 7, 3), np.float32), np.zeros(2, np.int32), "uint8.*float32"),
        (np.zeros((2, 5, 7, 1), np.uint8), np.zeros(2, np.int32), r"n, height, width, 3"),
        (np.zeros((5, 7, 3), np.uint8), np.zeros(5, np.int32), r"n, height, width, 3"),
        (np.zeros((2, 5, 7, 3), np.uint8), np.zeros(2, np.int64), "int32.*int64"),
        (np.zeros((2, 5, 7, 3), np.uint8), np.zeros((2, 1), np.int32), r"\(2, 1\)"),
        (np.zeros((2, 5, 7, 3), np.uint8), np.zeros(3, np.int32), "2 images, but 3 labels"),
        (np.zeros((0, 5, 7, 3), np.uint8), np.zeros(0, np.int32), "at least one"),
        (np.zeros((2, 5, 7, 3), np.uint8), np.array([0, -1], np.int32), "0 or more, got -1"),
    ],
)
def test_examples_of_wrong_form_are_refused(images, labels, message):
    with pytest.raises(DataError, match=message):
        Examples(images, labels)


def test_data_set_counts_classes_and_knows_its_shape():
    tiny = data_set()
    assert tiny.num_classes == 3
    assert tiny.input_shape == (5, 7, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny.name = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": examples_of(3, height=7, width=5)}, r"test images are \(7, 5, 3\)"),
        ({"validation": examples_of(2, labels=[0, 3])}, "label 3 in validation, but only 3"),
        ({"mean": (0.5,)}, "three numbers"),
        ({"std": (0.1, 0.0, 0.1)}, "std positive"),
    ],
)
def test_inconsistent_data_set_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        data_set(**changes)
