"""The line and the machine's fields of an epoch, and the time that is left."""

import json
import logging

import pytest

from rnascl_tf.command_line.logs import JsonFormatter
from rnascl_tf.training.loop import epoch_log


@pytest.fixture
def clock(monkeypatch):
    """Moments at which epochs begin and end; the first epoch holds the tracing."""
    moments = iter([100.0, 160.0, 200.0, 210.0, 300.0, 312.0])
    monkeypatch.setattr(epoch_log.time, "monotonic", lambda: next(moments))


def test_time_left_is_that_of_usual_epochs(clock, caplog):
    log = epoch_log.EpochLog("train", 603)
    with caplog.at_level(logging.INFO, logger="absl"):
        for epoch in range(3):
            log.on_epoch_begin(epoch)
            log.on_epoch_end(epoch, {"loss": 1.25, "accuracy": 0.5})
    first, second, third = caplog.records
    assert first.getMessage() == (
        "train: epoch 1 of 603: loss 1.25, accuracy 0.5; 60 s, about 10 h 2 min left"
    )
    # 60, 10 and 12 s: the middle one is 12, the slower of two is left out.
    assert second.getMessage().endswith("; 10 s, about 1 h 40 min left")
    assert third.getMessage().endswith("; 12 s, about 2 h 0 min left")


def test_machines_read_every_field(clock, caplog):
    log = epoch_log.EpochLog("search", 3)
    with caplog.at_level(logging.INFO, logger="absl"):
        log.on_epoch_begin(0)
        log.on_epoch_end(0, {"loss": 1.25})
    (record,) = caplog.records
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "INFO",
        "message": record.getMessage(),
        "stage": "search",
        "epoch": 1,
        "epochs": 3,
        "means": {"loss": 1.25},
        "seconds": 60.0,
        "seconds_left": 120.0,
    }
