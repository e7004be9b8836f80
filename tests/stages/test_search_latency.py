"""The search stage priced in milliseconds: student, record, and a table that nobody should trust."""

import json
import logging
from pathlib import Path

import pytest

from rnascl_tf.networks import LatencyTable, block_shapes
from rnascl_tf.networks.budget import latency_range
from rnascl_tf.stages import search

GOOD = {"median_error": 0.02, "rank_correlation": 0.97}


@pytest.fixture
def run(trained_run, tmp_path):
    """A search of one epoch by a table in which every wider block takes longer."""
    run = trained_run
    run.record["teacher"] = {}
    space, shape = run.space, run.dataset.input_shape
    shapes = dict.fromkeys(s for rows in block_shapes(space, shape) for row in rows for s in row)
    table = LatencyTable(
        space=space.name,
        kind="int8",
        activation="relu6",
        input_shape=shape,
        num_classes=run.dataset.num_classes,
        threads=1,
        device={"kind": "local", "cpu": "Test CPU"},
        blocks={s: 1e-4 * s.filters + 1e-5 * s.input_filters for s in shapes},
        stem_ms=0.01,
        tail_ms=dict.fromkeys(space.stages[-1].choices, 0.001),
        intercept_ms=0.0,
        slope=1.0,
    )
    run.config.search.update(
        dict(
            activation="relu6",
            cost="latency",
            latency_table=str(tmp_path / "table.json"),
            target_ms=sum(latency_range(table)) / 2,
        )
    )
    run.table = table
    return run


def searched(run, check, caplog):
    path = Path(run.config.search.latency_table)
    path.write_text(json.dumps(run.table.as_json() | {"check": check}))
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
    assert len(found["sha256"]) == 64
    assert any("latency table of Test CPU" in message for message in messages)
    assert not any("worse than a search should rest on" in message for message in messages)


@pytest.mark.parametrize(
    ("check", "part"),
    [
        ({"median_error": 0.087, "rank_correlation": 0.475}, "rank correlation 0.475"),
        ({}, "it was never checked"),
    ],
)
def test_a_table_that_predicts_badly_is_named(run, caplog, check, part, monkeypatch):
    # Said before any training.
    monkeypatch.setattr(search, "taught_stream", None)
    with pytest.raises(TypeError):
        searched(run, check, caplog)
    (message,) = [m.getMessage() for m in caplog.records if "should rest on" in m.getMessage()]
    assert part in message
