"""Files and folders that a request names."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.files import possible_folder, require_file, writable_file, writable_folder


def test_paths_that_can_be_used_are_returned(tmp_path):
    (tmp_path / "a.json").write_text("")
    assert require_file(str(tmp_path / "a.json"), "a table") == tmp_path / "a.json"
    assert writable_folder("out", str(tmp_path / "new" / "er")) == tmp_path / "new" / "er"
    assert writable_file("out", tmp_path / "new" / "b.json", ".json").suffix == ".json"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_paths_that_cannot_be_used_are_named_with_what_is_wanted(tmp_path):
    (tmp_path / "file").write_text("")
    for call, message in (
        (lambda: require_file(tmp_path / "none", "a table"), "none does not exist: give a table."),
        (lambda: require_file(tmp_path, "a table", "--t="), "--t=.* is a folder: give a table."),
        (lambda: writable_folder("out", tmp_path / "file" / "x"), "--out=.* is not a folder"),
        (
            lambda: writable_folder("out", tmp_path / "file"),
            "--out=\\S*/file is not a folder; give",
        ),
        (
            lambda: possible_folder("o", tmp_path / "file" / "x"),
            r"file/x: \S*/file is not a folder",
        ),
        (lambda: writable_file("out", tmp_path / "a.txt", ".json"), "should be a .json file"),
        (lambda: writable_file("out", tmp_path / "file" / "a.json", ".json"), "is not a folder"),
    ):
        with pytest.raises(UserError, match=message):
            call()
