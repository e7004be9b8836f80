"""Files and folders are the old ones or the new ones, whatever happens while they are written."""

import csv

import keras
import numpy as np
import pytest

from rnascl_tf.files import (
    atomic_file,
    atomic_folder,
    read_arrays,
    read_json,
    reading_only,
    save_model,
    write_arrays,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)

WRITERS = {
    "bytes": lambda path: write_bytes(path, b"\x00\xff"),
    "text": lambda path: write_text(path, "ä\r\n"),
    "json": lambda path: write_json(path, {"a": [1, 2.5]}),
    "csv": lambda path: write_csv(path, [{"a": 1}]),
    "arrays": lambda path: write_arrays(path, {"a:b": np.arange(7)}),
    "model": lambda path: save_model(_model(), path.with_suffix(".keras")),
}


def _model():
    images = keras.Input((3,))
    return keras.Model(images, keras.layers.Dense(2)(images))


@pytest.fixture
def place(tmp_path):
    """A path of which neighbours are seen."""
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "file"


def test_what_is_written_is_read_again(place):
    write_bytes(place, b"\x00\xff")
    assert place.read_bytes() == b"\x00\xff"
    write_text(place, "ä\r\n")
    assert place.read_bytes() == "ä\r\n".encode()
    write_json(place, {"a": [1, 2.5]})
    assert read_json(place) == {"a": [1, 2.5]}
    write_arrays(place, {"a:b": np.arange(7), "text": np.array("pgd")})
    found = read_arrays(place)
    assert found["a:b"].tolist() == list(range(7))
    assert str(found["text"]) == "pgd"
    assert [path.name for path in place.parent.iterdir()] == ["file"]


def test_a_table_has_every_column_and_its_floats(place):
    rows = [{"epoch": 0, "loss": 1 / 3}, {"epoch": 1, "loss": 0.1, "score": np.float64(2.5)}]
    write_csv(place, rows)
    assert place.read_bytes().startswith(b"epoch,loss,score\n0,0.3333333333333333,\n")
    with place.open(newline="") as file:
        assert float(next(csv.DictReader(file))["loss"]) == 1 / 3
    write_csv(place, rows[:1], ["loss", "epoch"])
    assert place.read_bytes() == b"loss,epoch\n0.3333333333333333,0\n"
    write_csv(place, [], ["loss"])
    assert place.read_bytes() == b"loss\n"


@pytest.mark.parametrize("name", WRITERS)
def test_a_failed_write_leaves_the_old_file_alone(name, place, monkeypatch):
    target = place.with_suffix(".keras") if name == "model" else place
    target.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(place), "replace", full)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[name](place)
    assert [path.name for path in place.parent.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("name", WRITERS)
def test_a_reader_keeps_nothing(name, place):
    with reading_only():
        WRITERS[name](place)
    assert list(place.parent.iterdir()) == []


def test_json_has_no_nan_and_archives_no_objects(place):
    with pytest.raises(ValueError, match="JSON"):
        write_json(place, float("nan"))
    with pytest.raises(ValueError, match=r"[Oo]bject arrays"):
        write_arrays(place, {"a": np.array([{}], dtype=object)})
    assert list(place.parent.iterdir()) == []


def test_a_file_of_a_library_keeps_its_name(place):
    with atomic_file(place) as temporary:
        assert temporary.name == place.name
        temporary.write_text("new")
        (temporary.parent / "left over").write_text("by the library")
        assert not place.exists()
    assert place.read_text() == "new"
    assert [path.name for path in place.parent.iterdir()] == ["file"]


def test_a_folder_is_the_old_one_until_the_new_one_is_whole(place):
    for content in ("old", "new"):
        with atomic_folder(place / "below") as temporary:
            (temporary / content).write_text("")
            if content == "new":
                assert [path.name for path in (place / "below").iterdir()] == ["old"]
        assert [path.name for path in (place / "below").iterdir()] == [content]
    assert [path.name for path in place.iterdir()] == ["below"]


def test_a_folder_that_fails_leaves_the_old_one(place, monkeypatch):
    with atomic_folder(place) as temporary:
        (temporary / "old").write_text("")

    def fails():
        with atomic_folder(place) as temporary:
            (temporary / "new").write_text("")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fails()
    rename = type(place).rename

    def full(self, target):
        if self.name == "new" and self.is_dir():
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(type(place), "rename", full)
    with pytest.raises(OSError, match="No space left"), atomic_folder(place) as temporary:
        (temporary / "newer").write_text("")
    assert [path.name for path in place.iterdir()] == ["old"]
    assert [path.name for path in place.parent.iterdir()] == ["file"]


def test_a_folder_of_a_given_temporary_name_removes_what_was_left_there(place):
    (place.parent / ".partial").mkdir()
    (place.parent / ".partial" / "half").write_text("")
    with atomic_folder(place, ".partial") as temporary:
        assert temporary.is_relative_to(place.parent / ".partial")
        assert not (place.parent / ".partial" / "half").exists()
    assert [path.name for path in place.parent.iterdir()] == ["file"]


def test_a_reader_keeps_a_folder_only_where_every_worker_writes(place):
    with reading_only():
        with atomic_folder(place) as temporary:
            (temporary / "discarded").write_text("")
        assert not place.exists()
        with atomic_folder(place, by_every_worker=True) as temporary:
            (temporary / "kept").write_text("")
    assert [path.name for path in place.iterdir()] == ["kept"]
    assert [path.name for path in place.parent.iterdir()] == ["file"]
