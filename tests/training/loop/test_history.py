"""history.csv: one row per epoch, whole at any time, right after a resume."""

import pytest

from rnascl_tf.training.loop.history import HistoryError, HistoryLog, read_history


def log_epochs(path, epochs, first_epoch=0):
    log = HistoryLog(path, first_epoch)
    for epoch, logs in epochs:
        log.on_epoch_begin(epoch)
        log.on_epoch_end(epoch, logs)


def test_no_file_is_an_empty_history(tmp_path):
    assert read_history(tmp_path / "history.csv") == []


def test_rows_come_back_as_numbers(tmp_path):
    path = tmp_path / "history.csv"
    log_epochs(path, [(0, {"loss": 0.1 + 0.2}), (1, {"loss": 1e-30, "val_loss": 2})])
    first, second = read_history(path)
    assert (first["epoch"], first["loss"]) == (0, 0.1 + 0.2)
    assert "val_loss" not in first
    assert (second["loss"], second["val_loss"]) == (1e-30, 2.0)
    assert all(row["seconds"] >= 0 for row in (first, second))


@pytest.mark.parametrize(
    "content",
    [b"epoch,loss\n0,1.0,7\n", b"loss\n1.0\n", b"epoch,loss\nx,1\n", b"\xff\xfe", b"epoch\ninf"],
)
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"history\.csv is damaged: remove it"):
        read_history(path)


def test_an_epoch_that_is_done_again_replaces_its_row(tmp_path):
    """Killed between the log and the checkpoint of epoch 1: it resumes at 1."""
    path = tmp_path / "history.csv"
    log_epochs(path, [(0, {"loss": 5.0}), (1, {"loss": 4.0})])
    log_epochs(path, [(1, {"loss": 3.0}), (2, {"loss": 2.0})], first_epoch=1)
    assert [(row["epoch"], row["loss"]) for row in read_history(path)] == [(0, 5), (1, 3), (2, 2)]
