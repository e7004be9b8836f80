import hashlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import Examples, unit_range
from rnascl_tf.data.resized_crop import DRAWS, random_resized_crop


def examples_of(count, height=5, width=7, labels=None):
    pixels = np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)
    if labels is None:
        labels = np.arange(count) % 3
    return Examples(pixels, np.asarray(labels, np.int32))


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


def test_readers_are_pixels_and_crops_in_a_graph():
    examples = examples_of(7)
    rows = np.array([6, 2, 2])
    draws = np.random.default_rng(1).random((3, DRAWS), np.float32)
    read, crop = tf.function(examples.reader()), tf.function(examples.crop_reader())
    np.testing.assert_array_equal(read(tf.constant(rows)), examples.images[rows])
    crops = crop(tf.constant(rows), tf.constant(draws))
    assert crops.shape == (3, 5, 7, 3)
    np.testing.assert_array_equal(crops, examples.crops(rows, draws))
    for row, numbers, found in zip(rows, draws, crops, strict=True):
        wanted = random_resized_crop(Image.fromarray(examples.images[row]), (5, 7), numbers)
        np.testing.assert_array_equal(found, wanted)


def test_fingerprint_is_that_of_the_labels():
    labels = np.arange(11, dtype=np.int32) % 3
    # Pinned by teacher signals that are stored under it.
    assert examples_of(11).fingerprint() == hashlib.sha256(labels.tobytes()).hexdigest()
    assert examples_of(11, labels=labels[::-1]).fingerprint() != examples_of(11).fingerprint()
