import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from rnascl_tf.data import file_examples
from rnascl_tf.data.batches import evaluation_batches, training_batches
from rnascl_tf.data.errors import DataError, data_errors
from rnascl_tf.data.examples import Examples
from rnascl_tf.data.file_examples import FileExamples
from rnascl_tf.data.resized_crop import DRAWS, MARGIN, central_crop, random_resized_crop

SIDE = 13
LABELS = np.array([0, 2, 1, 0, 2, 1, 0], np.int32)


@pytest.fixture
def originals(tmp_path):
    """Seven images of seven sizes, in files."""
    random = np.random.default_rng(0)
    images = []
    for row in range(7):
        shape = (17 + 4 * row, 41 - 3 * row, 3)
        images.append(Image.fromarray(random.integers(0, 256, shape, np.uint8)))
        images[-1].save(tmp_path / f"{row}.png")
    return images


@pytest.fixture(params=["kept in memory", "always read"])
def examples(originals, tmp_path, request, monkeypatch):
    if request.param == "always read":
        monkeypatch.setattr(file_examples, "MEMORY_BYTES", 7 * SIDE * SIDE * 3 - 1)
    return FileExamples(tmp_path, [f"{row}.png" for row in range(7)], LABELS, SIDE, MARGIN)


def resized(originals):
    return np.stack([np.asarray(central_crop(image, (SIDE, SIDE), MARGIN)) for image in originals])


def test_pixels_are_central_crops(examples, originals):
    assert (len(examples), examples.image_shape) == (7, (SIDE, SIDE, 3))
    wanted = resized(originals)
    for rows in ([3], [5, 0, 5], range(7), [1, 1]):
        np.testing.assert_array_equal(examples.pixels(list(rows)), wanted[list(rows)])
    assert examples.as_float().dtype == np.float32


def test_crops_cut_the_original(examples, originals):
    rows = np.array([6, 2, 6])
    draws = np.random.default_rng(1).random((3, DRAWS), np.float32)
    wanted = [
        np.asarray(random_resized_crop(originals[row], (SIDE, SIDE), numbers))
        for row, numbers in zip(rows, draws, strict=True)
    ]
    np.testing.assert_array_equal(examples.crops(rows, draws), wanted)


def test_subsets(examples, originals):
    wanted = resized(originals)
    assert examples.first(3).labels.tolist() == [0, 2, 1]
    spaced = examples.evenly_spaced(3)
    assert spaced.labels.tolist() == LABELS[[0, 2, 4]].tolist()
    np.testing.assert_array_equal(spaced.pixels([0, 1, 2]), wanted[[0, 2, 4]])
    with pytest.raises(DataError, match="1 to 7"):
        examples.first(8)


@pytest.mark.parametrize("arguments", [{}, {"crop_padding": 2, "flip": True}])
def test_batches_are_those_of_the_same_images_in_memory(examples, originals, arguments):
    in_memory = Examples(resized(originals), LABELS)
    pairs = (
        (training_batches(split, batch_size=3, seed=5, **arguments).take(5), 5)
        for split in (examples, in_memory)
    )
    (found, _), (wanted, _) = pairs
    for one, other in zip(found, wanted, strict=True):
        for key in ("image", "label", "index"):
            np.testing.assert_array_equal(one[key], other[key])
    found, wanted = evaluation_batches(examples, 3), evaluation_batches(in_memory, 3)
    assert found.element_spec == wanted.element_spec
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])


def test_resumed_batches_of_resized_crops(examples):
    arguments = {"batch_size": 3, "seed": 5, "resized_crop": True, "flip": True}
    whole = list(training_batches(examples, **arguments).take(6))
    resumed = training_batches(examples, first_epoch=1, **arguments)
    assert resumed.element_spec["image"] == tf.TensorSpec((3, SIDE, SIDE, 3), tf.float32)
    for one, other in zip(resumed.take(4), whole[2:], strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
        np.testing.assert_array_equal(one["label"], LABELS[one["index"]])


def test_what_is_kept_is_read_once(originals, tmp_path):
    examples = FileExamples(tmp_path, [f"{row}.png" for row in range(7)], LABELS, SIDE)
    before = examples.pixels([4, 5])
    for row in (4, 5):
        (tmp_path / f"{row}.png").unlink()
    np.testing.assert_array_equal(examples.pixels([5, 4]), before[::-1])


@pytest.mark.parametrize("arguments", [{}, {"resized_crop": True}])
def test_a_file_that_broke_since_is_named(examples, tmp_path, arguments):
    path = tmp_path / "3.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"3\.png cannot be read as an image") as caught:
        examples.as_float()
    with pytest.raises(DataError) as from_batch, data_errors():
        list(training_batches(examples, batch_size=7, seed=0, **arguments).take(1))
    assert str(from_batch.value) == str(caught.value)


def test_fingerprint_tells_other_files(examples, originals, tmp_path):
    before = examples.fingerprint()
    names = [f"{row}.png" for row in range(7)]
    assert FileExamples(tmp_path, names, LABELS, SIDE).fingerprint() == before
    assert FileExamples(tmp_path, names, LABELS[::-1], SIDE).fingerprint() != before
    assert FileExamples(tmp_path, names[::-1], LABELS, SIDE).fingerprint() != before
    originals[2].resize((5, 5)).save(tmp_path / "2.png")
    assert examples.fingerprint() != before


@pytest.mark.parametrize(("paths", "labels"), [([], []), (["a.png"], [0, 1])])
def test_one_label_for_each_file(tmp_path, paths, labels):
    with pytest.raises(DataError, match="wanted at least one file and one label for each"):
        FileExamples(tmp_path, paths, np.array(labels, np.int32), SIDE)
