import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.data.augmentation import Augmentation, crop_at, flip_where
from rnascl_tf.data.errors import DataError

SEED = tf.constant([17, 4])


def random_crop(images, padding, seed):
    draws = Augmentation(crop_padding=padding).draws(tf.shape(images)[0], seed)
    return crop_at(images, padding, draws.crop)


def random_flip(images, seed):
    return flip_where(images, Augmentation(flip=True).draws(tf.shape(images)[0], seed).coin < 0.5)


def random_images(count, height=5, width=7, dtype=np.uint8):
    # 1 to 255, so that padding shows; 105 random pixels make every crop of an image recognisable.
    pixels = np.random.default_rng(count).integers(1, 256, (count, height, width, 3))
    return pixels.astype(dtype)


def crop(image, padding, top, left):
    """The crop at an offset, pixel by pixel, black outside."""
    height, width, channels = image.shape
    cropped = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            y, x = i + top - padding, j + left - padding
            if 0 <= y < height and 0 <= x < width:
                for c in range(channels):
                    cropped[i, j, c] = image[y, x, c]
    return cropped


def offsets_of(images, cropped, padding):
    """Finds each image's offset by comparing it with all its crops."""
    reach = range(2 * padding + 1)
    offsets = []
    for image, result in zip(images, cropped, strict=True):
        matches = [
            (top, left)
            for top in reach
            for left in reach
            if np.array_equal(crop(image, padding, top, left), result)
        ]
        assert len(matches) == 1
        offsets.append(matches[0])
    return offsets


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_crops_are_crops_at_many_offsets(dtype):
    images = random_images(211, dtype=dtype)
    cropped = random_crop(images, 2, SEED)
    assert cropped.dtype == dtype
    offsets = offsets_of(images, cropped.numpy(), 2)
    # 211 draws of 25 offsets miss a given one with probability 2e-4; the seed is fixed.
    assert len(set(offsets)) == 25
    assert (2, 2) in offsets
    at_padding = offsets.index((2, 2))
    np.testing.assert_array_equal(cropped[at_padding], images[at_padding])


def test_offsets_are_uniform():
    # One bright pixel in the middle shows the offset without a search.
    images = np.zeros((5000, 7, 11, 3), np.uint8)
    images[:, 3, 5] = 255
    rows, columns = np.nonzero(random_crop(images, 3, SEED).numpy()[..., 0])[1:]
    counts = np.histogram2d(rows, columns, bins=[np.arange(8), np.arange(2, 10)])[0]
    assert counts.sum() == 5000
    # Chi-square with 48 degrees of freedom: 99.9% of all draws stay below 84.
    assert ((counts - 5000 / 49) ** 2 / (5000 / 49)).sum() < 84


def test_no_padding_leaves_the_images():
    images = random_images(3)
    np.testing.assert_array_equal(random_crop(images, 0, SEED), images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop_padding": -1}, "0 or more pixels, got -1"),
        ({"crop_padding": 4, "resized_crop": True}, "set crop_padding=0, got 4"),
    ],
)
def test_impossible_crops_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        Augmentation(**arguments)


def test_offsets_and_coins_decide_each_image():
    images = random_images(3)
    cropped = crop_at(images, 2, tf.constant([[0, 4], [2, 2], [3, 1]])).numpy()
    for image, result, offset in zip(images, cropped, [(0, 4), (2, 2), (3, 1)], strict=True):
        np.testing.assert_array_equal(result, crop(image, 2, *offset))
    flipped = flip_where(images, tf.constant([True, False, True])).numpy()
    np.testing.assert_array_equal(flipped[1], images[1])
    np.testing.assert_array_equal(flipped[::2], images[::2, :, ::-1])


def test_flip_mirrors_half_of_the_images():
    images = random_images(4001)
    flipped = random_flip(images, SEED)
    assert flipped.dtype == np.uint8
    flipped = flipped.numpy()
    same = (flipped == images).all(axis=(1, 2, 3))
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    # Four standard deviations of 4001 fair coins.
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / 4001**0.5


def test_flip_keeps_floats():
    images = random_images(7, dtype=np.float32)
    assert random_flip(images, SEED).dtype == tf.float32


@pytest.mark.parametrize(
    "augment", [lambda images, seed: random_crop(images, 2, seed), random_flip]
)
def test_seed_decides(augment):
    images = random_images(64)
    first = augment(images, SEED).numpy()
    np.testing.assert_array_equal(augment(images, SEED), first)
    assert (augment(images, tf.constant([17, 5])).numpy() != first).any()


def test_batch_size_may_be_unknown_and_stays_static_when_known():
    def traced(batch):
        augment = tf.function(lambda images: random_flip(random_crop(images, 2, SEED), SEED))
        return augment.get_concrete_function(tf.TensorSpec([batch, 5, 7, 3], tf.uint8))

    unknown, known = traced(None), traced(13)
    assert unknown.output_shapes.as_list() == [None, 5, 7, 3]
    assert known.output_shapes.as_list() == [13, 5, 7, 3]
    images = random_images(13)
    np.testing.assert_array_equal(unknown(tf.constant(images)), known(tf.constant(images)))
