from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.imagenet100 import load_imagenet100
from rnascl_tf.data.imagenet100_classes import WORDNET_IDS


@pytest.fixture
def folder(tmp_path):
    """ImageNet as class folders: two training images and one for validation of each class."""
    for label, name in enumerate(("n00000001", *WORDNET_IDS, "n99999999")):
        for split, count in (("train", 2), ("val", 1)):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (4, 3), (label, number, 9))
                image.save(tmp_path / split / name / f"{name}_{number}.JPEG", "PNG")
    return tmp_path


def test_the_100_classes_of_a_folder_are_read(folder):
    data_set = load_imagenet100(data_dir=folder, image_size=8, validation_examples=10)
    assert data_set.num_classes == 100
    assert data_set.class_names == WORDNET_IDS
    assert (len(data_set.train), len(data_set.validation), len(data_set.test)) == (190, 10, 100)
    # The first folder is not a class of ours, so the colour of label 0 is 1.
    colors = data_set.test.pixels(np.arange(100))[:, 4, 4, 0]
    np.testing.assert_array_equal(colors, np.arange(1, 101))
    np.testing.assert_array_equal(data_set.test.labels, np.arange(100))


def test_defaults(folder):
    data_set = load_imagenet100(data_dir=str(folder))
    assert data_set.input_shape == (224, 224, 3)
    assert len(data_set.validation) == 20


def test_missing_classes_are_named(folder):
    (folder / "val" / WORDNET_IDS[7]).rename(folder / "val" / "n00000007")
    with pytest.raises(DataError, match=f"val lacks the ImageNet-100 classes {WORDNET_IDS[7]}: "):
        load_imagenet100(data_dir=folder)


def test_nothing_there_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="no ImageNet in") as caught:
        load_imagenet100(data_dir=tmp_path)
    message = str(caught.value)
    for part in (str(tmp_path), "train/WNID", "image-net.org", "ILSVRC2012_img_train.tar"):
        assert part in message
    assert "\n" not in message


def test_classes_are_those_of_the_published_list():
    path = Path(__file__).resolve().parents[2].parent / "shared/data/imagenet100_wnids.txt"
    if not path.exists():
        pytest.skip("needs ../shared/data/imagenet100_wnids.txt")
    assert sorted(path.read_text().split()) == list(WORDNET_IDS)


def test_classes_are_sorted_ids():
    assert list(WORDNET_IDS) == sorted(set(WORDNET_IDS))
    assert len(WORDNET_IDS) == 100
    assert all(name[0] == "n" and name[1:].isdigit() and len(name) == 9 for name in WORDNET_IDS)
