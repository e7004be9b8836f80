import os

import pytest
from PIL import Image

from rnascl_tf.data.class_folders import (
    check_files,
    class_files,
    class_names,
    listed,
    refuse_other_classes,
)
from rnascl_tf.data.errors import DataError


def make(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()


def test_classes_are_the_sorted_folders(tmp_path):
    for name in ("bee", "ant", "Zebra", ".cache"):
        make(tmp_path / name)
    make(tmp_path, "notes.txt")
    assert class_names(tmp_path) == ("Zebra", "ant", "bee")


@pytest.mark.parametrize(("names", "found"), [(["ant"], "but has ant"), ([], "but has none")])
def test_fewer_than_two_classes_are_refused(tmp_path, names, found):
    for name in names:
        make(tmp_path / name)
    make(tmp_path, "loose.jpg")
    with pytest.raises(DataError, match=f"at least two folders.*{found}"):
        class_names(tmp_path)


def test_files_are_images_of_any_depth_and_none_is_hidden(tmp_path):
    make(tmp_path / "ant", "b.JPEG", "a.png", "c.txt", ".d.png", "deep/e.webp", ".hidden/f.png")
    assert class_files(tmp_path, "ant") == ["a.png", "b.JPEG", "deep/e.webp"]


def test_linked_class_folders_are_read(tmp_path):
    make(tmp_path / "elsewhere", "a.png")
    make(tmp_path / "train")
    (tmp_path / "train/ant").symlink_to(tmp_path / "elsewhere")
    assert class_files(tmp_path / "train", "ant") == ["a.png"]


def test_class_without_images_is_refused(tmp_path):
    make(tmp_path / "ant", "notes.txt")
    with pytest.raises(DataError, match=r"ant holds no images: .*\.jpg.*remove the class"):
        class_files(tmp_path, "ant")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_unreadable_folder_is_not_left_out(tmp_path):
    make(tmp_path / "ant", "a.png", "deep/b.png")
    (tmp_path / "ant/deep").chmod(0)
    with pytest.raises(PermissionError):
        class_files(tmp_path, "ant")


def test_other_classes_are_named(tmp_path):
    for name in ("ant", "dog", "eel"):
        make(tmp_path / "val" / name)
    with pytest.raises(DataError, match=r"train, but lacks bee, cow and also has dog, eel\.$"):
        refuse_other_classes(tmp_path / "val", ("ant", "bee", "cow"))
    with pytest.raises(DataError, match=r"train, but lacks bee\.$"):
        refuse_other_classes(tmp_path / "val", ("ant", "bee", "dog", "eel"))
    refuse_other_classes(tmp_path / "val", ("ant", "dog", "eel"))


def test_check_names_the_first_broken_file(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(40)]
    for path in paths:
        Image.new("RGB", (9, 7)).save(path)
    check_files(paths)
    for number in (17, 31):
        paths[number].write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"17\.jpg cannot be read"):
        check_files(paths)


def test_long_lists_are_cut():
    assert listed(list("abcde")) == "a, b, c, d, e"
    assert listed(list("abcdef")) == "a, b, c, d, e ... (6 in all)"
