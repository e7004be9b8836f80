import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnascl_tf.data import cifar10_archive
from rnascl_tf.data.digits import load_digits
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.registry import _LOADERS, DATASETS, load_dataset


def test_names():
    assert DATASETS == ("digits", "cifar10", "imagenet100", "image_folder")


@pytest.mark.parametrize("name", DATASETS)
def test_every_name_has_a_loader_that_takes_its_arguments(name):
    loader = _LOADERS[name]
    wanted = set(inspect.signature(load_dataset).parameters) - {"name"}
    if loader.side is not None:
        wanted -= {"image_size", "resized_crop"}
    assert set(inspect.signature(loader.imported()).parameters) == wanted


LIGHT = """
import sys
from rnascl_tf.data import DATASETS, MARGIN, DataError, data_errors, load_dataset, read_images
try:
    load_dataset("mnist")
except DataError:
    with data_errors():
        print("tensorflow" in sys.modules, "sklearn" in sys.modules)
"""


def test_names_and_errors_do_not_need_tensorflow():
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout == "False False\n"


def test_arguments_reach_the_loader():
    data_set = load_dataset("digits", data_dir=None, validation_examples=200, train_examples=13)
    assert data_set.name == "digits"
    np.testing.assert_array_equal(data_set.train.labels, load_digits().train.labels[:13])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar-10", r"'cifar-10' .did you mean cifar10\?.: give one of digits, cifar10"),
        ("mnist", "'mnist': give one of digits, cifar10, imagenet100, image_folder.$"),
        ("imagenet", "did you mean imagenet100?"),
        (None, "None: give one of"),
    ],
)
def test_unknown_name_is_answered_with_the_known_ones(name, message):
    with pytest.raises(DataError, match=message):
        load_dataset(name)


@pytest.mark.parametrize("image_size", [16, "32"])
def test_fixed_size_is_not_changed(image_size):
    with pytest.raises(DataError, match=f"digits has images of 32x32.*got {image_size}"):
        load_dataset("digits", image_size=image_size)


def test_the_size_it_has_may_be_given():
    assert load_dataset("digits", image_size=32, resized_crop=True).input_shape == (32, 32, 3)


@pytest.mark.parametrize(("resized_crop", "resized"), [(False, 8), (True, 9)])
def test_arguments_reach_the_folder_loader(tmp_path, resized_crop, resized):
    # A ramp of one gray level a column; resized to 8 columns, or to 8 * 256 / 224 before the crop.
    ramp = np.broadcast_to(np.arange(56, 184, 1, np.uint8)[None, :, None], (128, 128, 3))
    for split in ("train", "val"):
        for name in "ab":
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                Image.fromarray(ramp.copy()).save(folder / f"{number}.png")
    data_set = load_dataset(
        "image_folder",
        data_dir=tmp_path,
        image_size=8,
        resized_crop=resized_crop,
        validation_examples=2,
        train_examples=3,
    )
    assert (len(data_set.train), len(data_set.validation), len(data_set.test)) == (3, 2, 6)
    row = data_set.test.pixels([4])[0, 4, :, 0].astype(int)
    assert row[5] - row[2] == round(3 * 128 / resized)


@pytest.mark.parametrize("name", DATASETS)
def test_loaders_name_the_flag_that_the_folder_came_with(name, tmp_path, monkeypatch):
    # Nothing listens on port 9 of this machine.
    monkeypatch.setattr(cifar10_archive, "ARCHIVE", "http://127.0.0.1:9/cifar-10-binary.tar.gz")
    with pytest.raises(DataError, match=f"--here={tmp_path}|--here=FOLDER|--here=tfds"):
        load_dataset(name, data_dir=tmp_path, flag="--here")
