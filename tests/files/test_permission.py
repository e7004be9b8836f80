"""Who may write files, and where."""

import os
from pathlib import Path

import pytest

from rnascl_tf.files import may_write, reading_only, why_unwritable


def test_reading_only_ends_as_it_began():
    assert may_write()
    with reading_only():
        with reading_only():
            assert not may_write()
        assert not may_write()
    assert may_write()


def test_the_reason_names_the_deepest_place_there_is(tmp_path):
    assert why_unwritable(tmp_path / "a" / "b") is None
    (tmp_path / "file").write_text("")
    assert why_unwritable(tmp_path / "file" / "b" / "c") == f"{tmp_path}/file is not a folder"


def test_asking_leaves_nothing(tmp_path):
    assert why_unwritable(tmp_path) is None
    assert why_unwritable(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' /proc")
def test_what_permissions_do_not_tell_is_found():
    assert why_unwritable("/proc/a/b").startswith("/proc is not writable (")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_locked_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    assert why_unwritable(tmp_path / "a") == f"{tmp_path} is not writable (Permission denied)"
