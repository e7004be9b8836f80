"""Checkpoints: whole or not there, the newest that can be read, the last ones and the best kept."""

import itertools
import logging
import shutil

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.files import reading_only
from rnascl_tf.training.loop.checkpoints import KEPT, CheckpointError, Checkpoints

VALUES = np.linspace(-3.0, 5.0, 1009, dtype=np.float32)


def variables(factor=0.0):
    return [tf.Variable(factor * VALUES), tf.Variable(np.int64(7 * factor))]


def saved(folder, *positions):
    """Saves at each (epochs, steps[, score]), with values that tell the save."""
    state = variables()
    checkpoints = Checkpoints(folder, state)
    for number, position in enumerate(positions, start=1):
        state[0].assign(number * VALUES)
        state[1].assign(number)
        checkpoints.save(*position)
    return checkpoints


def restored(folder):
    state = variables()
    position = Checkpoints(folder, state).restore()
    np.testing.assert_array_equal(state[0].numpy(), np.float32(state[1].numpy()) * VALUES)
    return position, int(state[1].numpy())


def test_without_any_training_begins(tmp_path):
    state = variables(2.0)
    assert Checkpoints(tmp_path / "none", state).restore() == (0, 0)
    np.testing.assert_array_equal(state[0].numpy(), 2.0 * VALUES)
    assert not (tmp_path / "none").exists()


def test_those_of_an_older_version_are_not_passed_over_silently(tmp_path, caplog):
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(a=tf.Variable(1.0)), tmp_path, 1)
    manager.save()
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert Checkpoints(tmp_path, variables()).restore() == (0, 0)
    assert "of an older version" in caplog.text


def test_the_newest_is_restored_also_within_an_epoch(tmp_path):
    saved(tmp_path, (1, 0), (1, 99_999), (1, 100_001))
    assert restored(tmp_path) == ((1, 100_001), 3)
    saved(tmp_path, (2, 0))
    assert restored(tmp_path) == ((2, 0), 1)


def test_the_last_ones_and_the_best_stay(tmp_path):
    scores = [0.1, 0.7, 0.2, 0.7, 0.3, 0.4, 0.5]
    saved(tmp_path, *((epoch, 0, score) for epoch, score in enumerate(scores, start=1)))
    kept = [int(path.name[:5]) for path in Checkpoints(tmp_path, variables()).paths()]
    assert kept == [2, *range(8 - KEPT, 8)]
    # What the best was is part of the state: a resumed training continues with it.
    state = variables()
    again = Checkpoints(tmp_path, state)
    again.restore()
    again.save(8, 0, 0.6)
    assert (tmp_path / "00002_00000").exists()
    again.save(9, 0, 0.8)
    assert not (tmp_path / "00002_00000").exists()


def damage(path, how):
    data = path / "state.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    if how == "truncated":
        data.write_bytes(content[: len(content) // 2])
    elif how == "bit flipped":
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    elif how == "index gone":
        (path / "state.index").unlink()
    elif how == "index truncated":
        (path / "state.index").write_bytes((path / "state.index").read_bytes()[:50])
    else:
        data.unlink()


@pytest.mark.parametrize(
    "how", ["truncated", "bit flipped", "index gone", "index truncated", "data gone"]
)
def test_a_damaged_one_is_replaced_by_the_one_before(tmp_path, how, caplog):
    checkpoints = saved(tmp_path, (1, 0), (2, 0), (2, 5))
    damage(checkpoints.newest, how)
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert restored(tmp_path) == ((2, 0), 2)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    (message,) = [record.getMessage() for record in warnings]
    assert "00002_00005 is damaged" in message
    assert "the one before it is used" in message


def test_when_all_are_damaged_nothing_starts_again_by_itself(tmp_path):
    checkpoints = saved(tmp_path, (1, 0), (2, 0))
    for path in checkpoints.paths():
        damage(path, "bit flipped")
    with pytest.raises(CheckpointError, match=r"none of the 2 checkpoints.*--overwrite"):
        restored(tmp_path)


def test_what_a_kill_leaves_is_neither_read_nor_in_the_way(tmp_path):
    checkpoints = saved(tmp_path, (1, 0))
    half = tmp_path / ".partial"
    shutil.copytree(checkpoints.newest, half)
    damage(half, "truncated")
    assert restored(tmp_path) == ((1, 0), 1)
    saved(tmp_path, (2, 0), (3, 0))
    assert restored(tmp_path) == ((3, 0), 2)
    assert not half.exists()


def test_another_number_of_variables_is_not_a_checkpoint_of_this_training(tmp_path):
    saved(tmp_path, (1, 0))
    with pytest.raises(CheckpointError):
        Checkpoints(tmp_path, [*variables(), tf.Variable(1.0)]).restore()


def test_a_worker_that_only_reads_leaves_nothing(tmp_path):
    with reading_only():
        saved(tmp_path, (1, 0), (2, 0))
    assert list(tmp_path.iterdir()) == []
    saved(tmp_path, (1, 0))
    with reading_only():
        assert restored(tmp_path) == ((1, 0), 1)


def test_a_full_disk_is_one_line_and_what_was_there_stays(small_disk):
    state = [tf.Variable(np.zeros(50_000, np.float32)), tf.Variable(np.int64(0))]
    checkpoints = Checkpoints(small_disk, state)

    def save_until_full():
        for epoch in itertools.count(1):
            state[0].assign_add(np.ones(50_000, np.float32))
            state[1].assign_add(1)
            # Each is the best, and takes 0.2 MB.
            checkpoints.save(epoch, 0, float(epoch))
            (small_disk / f"ballast_{epoch}").write_bytes(b"x" * 100_000)

    with pytest.raises((CheckpointError, OSError)) as caught:
        save_until_full()
    assert "\n" not in str(caught.value)
    epoch, steps = Checkpoints(small_disk, state).restore()
    assert epoch >= 1
    assert steps == 0
    np.testing.assert_array_equal(state[0].numpy(), np.float32(epoch))
