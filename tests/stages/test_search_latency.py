"""The search stage priced in milliseconds: student, record, and a table that nobody should trust."""

import dataclasses
import json
import logging
from pathlib import Path

import pytest

from rnascl_tf import runs
from rnascl_tf.deploy import Latency, Timing
from rnascl_tf.deploy.latency.device import LocalDevice
from rnascl_tf.networks import LatencyBudget, LatencyTable, block_shapes
from rnascl_tf.record import TimedDevice
from rnascl_tf.runs.latency_target import measured_beside_predicted, warn_of_table
from rnascl_tf.stages import search

GOOD = {"median_error": 0.02, "rank_correlation": 0.97}


@pytest.fixture
def run(trained_run, tmp_path):
    """A search of one epoch by a table in which every wider block takes longer."""
    run = trained_run
    run.record["teacher"] = {}
    shapes = dict.fromkeys(s for rows in block_shapes(run.problem) for row in rows for s in row)
    table = LatencyTable(
        problem=run.problem,
        kind="int8",
        activation="relu6",
        threads=1,
        device=LocalDevice().description,
        blocks={s: 1e-4 * s.filters + 1e-5 * s.input_filters for s in shapes},
        stem_ms=0.01,
        tail_ms=dict.fromkeys(run.space.stages[-1].choices, 0.001),
        intercept_ms=0.0,
        slope=1.0,
    )
    run.config.search.update(
        dict(
            activation="relu6",
            cost="latency",
            latency_table=str(tmp_path / "table.json"),
            target_ms=sum(LatencyBudget(table).range) / 2,
        )
    )
    run.table = table
    return run


def searched(run, check, caplog):
    path = Path(run.config.search.latency_table)
    path.write_text(json.dumps(run.table.to_json() | {"check": check}))
    with caplog.at_level(logging.INFO, logger="absl"):
        search.run(run)
    return [record.getMessage() for record in caplog.records]


def test_the_student_meets_its_target_and_the_record_says_by_what(run, caplog):
    messages = searched(run, GOOD, caplog)
    target = run.config.search.target_ms
    found = run.record["latency_table"]
    predicted = run.table.predict(run.record["architecture"]["filters"])
    assert found["predicted_ms"] == predicted
    assert predicted == pytest.approx(target, rel=0.03)
    assert (found["kind"], found["check"], found["target_ms"]) == ("int8", GOOD, target)
    assert found["device"] == LocalDevice().description.to_json()
    assert len(found["sha256"]) == 64
    cpu = LocalDevice().description.cpu
    assert any(f"latency table of {cpu}" in message for message in messages)
    assert not any("the latency table is of" in message for message in messages)
    assert not any("too badly for a search" in message for message in messages)


@pytest.mark.parametrize(
    ("check", "part"),
    [
        ({"median_error": 0.087, "rank_correlation": 0.475}, "rank correlation 0.475"),
        ({}, "it was never checked"),
    ],
)
def test_a_table_that_predicts_badly_is_named(run, caplog, check, part, monkeypatch):
    # Said before any training.
    monkeypatch.setattr(runs, "taught_stream", None)
    with pytest.raises(TypeError):
        searched(run, check, caplog)
    (message,) = [m.getMessage() for m in caplog.records if "too badly for" in m.getMessage()]
    assert part in message


def write_table(run, **changes):
    table = dataclasses.replace(run.table, **changes)
    text = json.dumps(table.to_json() | {"check": GOOD})
    Path(run.config.search.latency_table).write_text(text)


PHONE = TimedDevice(kind="adb", cpu="Phone 7", cores=8, runtime="some 1.0")


@pytest.mark.parametrize(
    ("changes", "kinds", "part"),
    [
        ({}, ("float32", "dynamic"), "of int8 files (add int8 to --config.export.kinds): this"),
        ({"threads": 3}, ("int8",), "of 3 thread(s) (--config.export.threads=3 times so): this"),
        ({"device": PHONE}, ("int8",), "of another device (Phone 7; rnascl latency"),
    ],
)
def test_a_table_of_what_is_not_exported_is_named(run, caplog, changes, kinds, part):
    write_table(run, **changes)
    run.config.export.kinds = kinds
    warn_of_table(run.config)
    (message,) = [record.getMessage() for record in caplog.records]
    assert part in message
    run.record["architecture"] = {"filters": run.space.narrowest}
    timing = Timing(Latency(1, 8, 0.5, 0.5, 0.5, 0.5), (0.5,) * 8)
    assert measured_beside_predicted(run, "int8", timing) is None


@pytest.mark.parametrize(("off", "level"), [(0.04, logging.INFO), (-0.06, logging.WARNING)])
def test_a_measured_student_stands_beside_its_target(run, caplog, off, level):
    write_table(run)
    run.record["architecture"] = {"filters": run.space.widest}
    wanted = run.config.search.target_ms
    # Half of the rounds are disturbed, which the table's times would not show either.
    medians = tuple(wanted * (1 + off) * (3 if number % 2 else 1) for number in range(8))
    timing = Timing(Latency(1, 8, *([wanted * 2] * 4)), medians)
    with caplog.at_level(logging.INFO, logger="absl"):
        found = measured_beside_predicted(run, "int8", timing)
    assert found["measured_ms"] == pytest.approx(wanted * (1 + off))
    assert found["predicted_ms"] == run.table.predict(run.space.widest)
    assert found["target_ms"] == wanted
    (record,) = caplog.records
    assert record.levelno == level
    assert f"{100 * off:+.1f}% of the target's" in record.getMessage()
    assert measured_beside_predicted(run, "float32", timing) is None
    run.config.search.update(dict(cost="macs", latency_table=None, target_ms=None))
    assert measured_beside_predicted(run, "int8", timing) is None
