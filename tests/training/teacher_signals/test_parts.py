"""Parts of a store: whole or not there, each computed once, whoever computes and whoever is killed."""

import errno
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from rnascl_tf.data import DataError
from rnascl_tf.training.teacher_signals.parts import StoredParts

ROWS, NAMES = 5, ("view_0000", "view_0001", "view_0002", "view_0003")


def new_parts(folder):
    return StoredParts(folder, {"seed": 3}, {"logits": np.float32, "maps": np.float16})


def pieces(name, seconds=0.0):
    """Two pieces of different lengths."""
    values = np.arange(ROWS * 7.0).reshape(ROWS, 7) + 100 * NAMES.index(name)
    for rows in (slice(0, 3), slice(3, 5)):
        time.sleep(seconds)
        yield rows, {"logits": values[rows], "maps": values[rows, :2] / 7}


def check(parts):
    for number, name in enumerate(NAMES):
        values = np.arange(ROWS * 7.0).reshape(ROWS, 7) + 100 * number
        logits, maps = (parts.open(name, array) for array in ("logits", "maps"))
        assert (logits.dtype, maps.dtype) == (np.float32, np.float16)
        np.testing.assert_array_equal(logits, values)
        np.testing.assert_allclose(maps, values[:, :2] / 7, rtol=1e-3)


def test_parts_are_read_as_they_were_computed(tmp_path):
    parts, seen = new_parts(tmp_path), []
    parts.compute(NAMES[:1], ROWS, pieces)
    parts.compute(NAMES, ROWS, pieces, lambda done, total: seen.append((done, total)))
    assert seen == [(3, 15), (5, 15), (8, 15), (10, 15), (13, 15), (15, 15)]
    assert parts.missing(NAMES) == []
    check(new_parts(tmp_path))


def _fill(folder, log, seconds, started):
    def noted(name):
        with log.open("a") as file:
            file.write(f"{name} {os.getpid()}\n")
        started.set()
        yield from pieces(name, seconds)

    new_parts(folder).compute(NAMES, ROWS, noted)


def process(folder, log, seconds):
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    child = context.Process(target=_fill, args=(folder, log, seconds, started))
    child.start()
    assert started.wait(60)
    return child


def test_two_processes_compute_each_part_once_and_end_when_all_are_there(tmp_path):
    log = tmp_path / "log"
    child = process(tmp_path / "store", log, 0.3)
    try:
        parts, seen, ours = new_parts(tmp_path / "store"), [], []

        def noted(name):
            ours.append(name)
            yield from pieces(name, 0.3)

        parts.compute(NAMES, ROWS, noted, lambda done, total: seen.append((done, total)))
        assert parts.missing(NAMES) == []
        assert seen[-1][0] == seen[-1][1]
        child.join(60)
    finally:
        child.kill()
        child.join()
    theirs = [line.split()[0] for line in log.read_text().splitlines()]
    assert ours
    assert theirs
    assert sorted(ours + theirs) == list(NAMES)
    check(parts)


def test_after_a_kill_only_the_part_in_the_making_is_computed_again(tmp_path):
    log = tmp_path / "log"
    child = process(tmp_path / "store", log, 0.2)
    parts = new_parts(tmp_path / "store")
    deadline = time.monotonic() + 60
    # Killed with one part or more in place and another one half done.
    while not (found := [name for name in NAMES if (parts.folder / name).exists()]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    found = [name for name in NAMES if (parts.folder / name).exists()]
    assert len(found) < len(NAMES)
    again = []

    def noted(name):
        again.append(name)
        yield from pieces(name)

    parts.compute(NAMES, ROWS, noted)
    assert again == [name for name in NAMES if name not in found]
    assert not list(parts.folder.glob("*.part"))
    check(parts)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, number):
    def full(descriptor, first, count):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", full)
    parts = new_parts(tmp_path)
    with pytest.raises(DataError, match=r"no space left for .* MB of teacher signals in") as error:
        parts.compute(NAMES, ROWS, pieces)
    assert "\n" not in str(error.value)
    assert parts.missing(NAMES) == list(NAMES)
    assert not list(parts.folder.glob("*.part"))


def test_a_really_full_disk(small_disk):
    def large(name):
        yield slice(0, 3), {"logits": np.zeros((3, 60_000)), "maps": np.zeros((3, 2))}

    with pytest.raises(DataError, match="no space left for 1\\.2 MB"):
        new_parts(small_disk).compute(NAMES, ROWS, large)


def test_a_damaged_array_is_named(tmp_path):
    parts = new_parts(tmp_path)
    parts.compute(NAMES, ROWS, pieces)
    path = parts.folder / NAMES[1] / "maps.npy"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"view_0001/maps\.npy is damaged .*: remove .*view_0001"):
        parts.open(NAMES[1], "maps")
