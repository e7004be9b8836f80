import hashlib

import numpy as np
import pytest
from sklearn import datasets

from rnascl_tf.data.digits import enlarge, load_digits
from rnascl_tf.data.errors import DataError


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def splits(data_set):
    return data_set.train, data_set.validation, data_set.test


def bilinear(scan, size):
    """Bilinear enlargement by loops: source position of pixel i is (i + 1/2) / factor - 1/2."""
    n = scan.shape[0]
    enlarged = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            value = 0.0
            y, x = (i + 0.5) * n / size - 0.5, (j + 0.5) * n / size - 0.5
            for row in (int(np.floor(y)), int(np.floor(y)) + 1):
                for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                    weight = (1 - abs(y - row)) * (1 - abs(x - column))
                    value += weight * scan[min(max(row, 0), n - 1), min(max(column, 0), n - 1)]
            enlarged[i, j] = value
    return enlarged


def test_enlargement_matches_loops():
    scans = np.random.default_rng(3).integers(0, 17, (2, 8, 8)).astype(np.float64)
    scans[0, 0, 0], scans[1, 7, 7] = 16, 16
    images = enlarge(scans)
    assert images.shape == (2, 32, 32, 3)
    assert images.dtype == np.uint8
    for image, scan in zip(images, scans, strict=True):
        wanted = np.rint(bilinear(scan, 32) * 255 / 16)
        # Bilinear weights are multiples of 1/64, exact in float32; only ties may round the other way.
        for channel in range(3):
            np.testing.assert_array_equal(image[..., channel], wanted)


def test_full_ink_is_white_and_none_is_black():
    scans = np.stack([np.zeros((8, 8)), np.full((8, 8), 16.0)])
    images = enlarge(scans)
    assert (images[0] == 0).all()
    assert (images[1] == 255).all()


def test_split_sizes_and_classes(digits):
    assert [len(split) for split in splits(digits)] == [1197, 200, 400]
    assert digits.input_shape == (32, 32, 3)
    assert digits.class_names == tuple("0123456789")


def test_splits_hold_every_scan_once(digits):
    images = np.concatenate([split.images for split in splits(digits)])
    labels = np.concatenate([split.labels for split in splits(digits)])
    scans = datasets.load_digits()
    wanted = sorted(
        (image.tobytes(), label)
        for image, label in zip(enlarge(scans.images), scans.target, strict=True)
    )
    assert sorted((i.tobytes(), int(k)) for i, k in zip(images, labels, strict=True)) == wanted


def test_splits_are_stratified(digits):
    shares = np.bincount(datasets.load_digits().target) / 1797
    for split in splits(digits):
        counts = np.bincount(split.labels, minlength=10)
        # A stratified draw rounds each digit's share up or down; drawing twice rounds twice.
        assert np.abs(counts - shares * len(split)).max() < 2


def test_split_never_changes(digits):
    labels = np.concatenate([split.labels for split in splits(digits)]).astype(np.uint8)
    sums = np.concatenate([s.images.sum(axis=(1, 2, 3), dtype=np.int64) for s in splits(digits)])
    digest = hashlib.sha256(labels.tobytes() + sums.tobytes()).hexdigest()
    # Every number ever reported on digits belongs to this split; another digest is another data set.
    assert digest[:16] == "0e7d98ee76c6b2cb"


def test_mean_and_std_are_those_of_the_training_split(digits):
    pixels = digits.train.images.astype(np.float64) / 255
    # The constants are rounded to four digits.
    np.testing.assert_allclose(digits.mean, pixels.mean(axis=(0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(digits.std, pixels.std(axis=(0, 1, 2)), atol=1e-4)


def test_train_examples_takes_the_first(digits):
    few = load_digits(train_examples=37)
    np.testing.assert_array_equal(few.train.images, digits.train.images[:37])
    assert len(few.test) == 400
    # A subset for a quick run must not change the network's normalisation.
    assert (few.mean, few.std) == (digits.mean, digits.std)


def test_validation_examples_takes_some_of_the_same(digits):
    few = load_digits(validation_examples=37)
    rows = np.arange(37) * 200 // 37
    np.testing.assert_array_equal(few.validation.images, digits.validation.images[rows])
    np.testing.assert_array_equal(few.train.images, digits.train.images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data_dir": "/somewhere"}, "embedded.*leave --config.data.data_dir out"),
        ({"validation_examples": 201}, "validation_examples must be 1 to 200"),
        ({"validation_examples": 0}, "validation_examples must be 1 to 200"),
        ({"train_examples": 1198}, "1 to 1197"),
        ({"train_examples": 0}, "1 to 1197"),
    ],
)
def test_wrong_wishes_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        load_digits(**arguments)
