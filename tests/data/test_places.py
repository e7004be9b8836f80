from pathlib import Path

import pytest

from rnascl_tf.data import DATASETS, DataError, check_place, cifar10_archive
from rnascl_tf.data.places import image_folder_layout, tfds_folder


@pytest.fixture
def no_network(monkeypatch):
    # Nothing listens on port 9 of this machine.
    monkeypatch.setattr(cifar10_archive, "ARCHIVE", "http://127.0.0.1:9/cifar-10-binary.tar.gz")


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("image_folder", ["train/a", "train/b", "val/a", "val/b"]),
        ("image_folder", ["test/a", "test/b", "train/a", "train/b", "other"]),
        ("imagenet100", ["train"]),
        ("cifar10", ["cifar10"]),
    ],
)
def test_a_folder_that_looks_right_is_accepted(name, folders, tmp_path, no_network):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    check_place(name, tmp_path)
    check_place(name, str(tmp_path))


@pytest.mark.parametrize(
    "file", ["imagenet100/complete.json", "imagenet2012/5.1.0/dataset_info.json"]
)
def test_imagenet_of_tfds_is_known_by_what_is_written_last(file, tmp_path):
    (tmp_path / file).parent.mkdir(parents=True)
    with pytest.raises(DataError, match="no ImageNet in"):
        check_place("imagenet100", tmp_path)
    (tmp_path / file).write_text("{}")
    check_place("imagenet100", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_refused_comes_with_its_flag(name, tmp_path, no_network):
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match=f"--here={tmp_path}|--here=FOLDER|--here=tfds") as caught:
        check_place(name, tmp_path, "--here")
    assert "--config" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["val"]


def test_embedded_data_need_no_folder():
    check_place("digits", None)
    check_place("digits", "")


def test_splits_and_classes_come_in_their_order(tmp_path):
    for name in ("test/ant", "test/bee", "val/bee", "val/ant", "train/bee", "train/ant"):
        (tmp_path / name).mkdir(parents=True)
    splits = ["train", "val", "test"]
    assert image_folder_layout(tmp_path, "--here") == (tmp_path, splits, ("ant", "bee"))
    (tmp_path / "test" / "cow").mkdir()
    with pytest.raises(DataError, match="but also has cow"):
        image_folder_layout(tmp_path, "--here")


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "images").write_text("")
    with pytest.raises(DataError, match=r"--here=.*images is not a folder"):
        image_folder_layout(tmp_path / "images", "--here")


def test_the_default_is_that_of_tfds(monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert tfds_folder(None) == tfds_folder("") == Path.home() / "tensorflow_datasets"
    assert tfds_folder("~/mine") == Path.home() / "mine"
    monkeypatch.setenv("TFDS_DATA_DIR", "/there")
    assert tfds_folder(None) == Path("/there")
