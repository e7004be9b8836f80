"""The latency table: sums by hand over made-up blocks, the file, and what is refused."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from rnascl_tf.networks import (
    SEARCH_SPACES,
    BlockShape,
    LatencyBudget,
    LatencyTable,
    LatencyTableError,
    PredictionCheck,
    SearchProblem,
    TargetError,
    block_shapes,
    read_latency_table,
)
from rnascl_tf.record import TimedDevice

SPACE = SEARCH_SPACES["S3"]
PROBLEM = SearchProblem(SPACE, 10, (32, 32, 3))


def made_up(seed=0, **changes):
    """A table of S3 whose blocks have random times: not even monotone in the widths."""
    generator = np.random.default_rng(seed)
    shapes = dict.fromkeys(shape for rows in block_shapes(PROBLEM) for row in rows for shape in row)
    facts = {
        "problem": PROBLEM,
        "kind": "int8",
        "activation": "relu6",
        "threads": 1,
        "device": TimedDevice(kind="local", cpu="Some CPU", cores=2, runtime="some 1.0"),
        "blocks": {shape: float(generator.uniform(0.01, 0.03)) for shape in shapes},
        "stem_ms": 0.005,
        "tail_ms": {filters: filters * 1e-5 for filters in (64, 60, 56, 52)},
        "intercept_ms": 0.002,
        "slope": 0.9,
    }
    return LatencyTable(**(facts | changes))


def by_hand(table, filters):
    height, before = 16, 16
    total = table.stem_ms + table.tail_ms[filters[2][2]]
    for stage, widths in enumerate(filters):
        for number, width in enumerate(widths):
            stride = 2 if stage and not number else 1
            total += table.blocks[BlockShape(before, width, stride, 6, height, height)]
            height, before = height // stride, width
    return table.intercept_ms + table.slope * total


def test_distinct_blocks_of_s3():
    """4 in stage 1, of two inputs; 8 and 16 in stage 2; 16 and 16 in stage 3."""
    assert len(made_up().blocks) == 4 + 8 + 16 + 16 + 16
    first, *_, last = block_shapes(SearchProblem(SPACE, 10, (33, 29, 3)))
    assert first == [[BlockShape(16, 16, 1, 6, 17, 15), BlockShape(16, 12, 1, 6, 17, 15)]]
    assert last[0][0] == BlockShape(64, 64, 1, 6, 5, 4)


@pytest.mark.parametrize(
    "filters",
    [SPACE.widest, SPACE.narrowest, [[12, 16, 12], [28, 20, 32], [56, 64, 52]]],
)
def test_prediction_is_the_sum_of_the_parts(filters):
    table = made_up()
    assert table.predict(filters) == pytest.approx(by_hand(table, filters), rel=1e-12)


def test_the_file_reads_back(tmp_path):
    table = made_up()
    (tmp_path / "table.json").write_text(json.dumps(table.to_json()))
    assert read_latency_table(tmp_path / "table.json") == table


def test_range_is_that_of_all_students():
    table = made_up(3)
    choices = [block.choices for block in SPACE.blocks(SPACE.widest)]
    # All 2^3 4^6 students, by sums over the tables.
    parts = table.tables()
    times = [
        sum(
            part[row, column]
            for part, row, column in zip(parts, [0, *chosen[:-1]], chosen, strict=True)
        )
        for chosen in itertools.product(*(range(len(each)) for each in choices))
    ]
    assert LatencyBudget(table).range == pytest.approx((min(times), max(times)), rel=1e-12)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_the_student_is_near_the_target(part):
    table = made_up(1)
    fastest, slowest = LatencyBudget(table).range
    target = fastest + part * (slowest - fastest)
    undecided = [np.zeros(len(block.choices)) for block in SPACE.blocks(SPACE.widest)]
    decoded = LatencyBudget(table).decode(undecided, target, tolerance=0.02)
    assert abs(decoded.cost / target - 1) <= 0.02
    assert decoded.cost == pytest.approx(by_hand(table, decoded.filters), rel=1e-9)


def test_targets_out_of_reach_name_the_range():
    table = made_up()
    fastest, slowest = LatencyBudget(table).range
    for target in (fastest * 0.99, slowest * 1.01):
        with pytest.raises(TargetError, match=f"{fastest:.4g} ms to {slowest:.4g} ms"):
            LatencyBudget(table).check(target)


@pytest.mark.parametrize(
    ("check", "reliable"),
    [
        ({"median_error": 0.099, "rank_correlation": 0.91}, True),
        ({"median_error": 0.1, "rank_correlation": 0.99}, False),
        ({"median_error": 0.01, "rank_correlation": 0.9}, False),
        ({}, False),
    ],
)
def test_how_well_it_predicts_is_read_too(tmp_path, check, reliable):
    written = made_up().to_json() | {"check": check | ({"measured_ms": [1.0]} if check else {})}
    (tmp_path / "table.json").write_text(json.dumps(written))
    table = read_latency_table(tmp_path / "table.json")
    assert table.check == (PredictionCheck(**check) if check else None)
    assert table.is_reliable is reliable


def test_another_table_is_refused_with_the_difference():
    with pytest.raises(LatencyTableError, match="activation relu6 there, hard_swish here"):
        made_up().check_fits(space="S3", activation="hard_swish")
    with pytest.raises(LatencyTableError, match="space S3 there, S5 here; num_classes 10 there, 7"):
        made_up().check_fits(space="S5", num_classes=7)
    made_up().check_fits(space="S3", input_shape=(32, 32, 3), num_classes=10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 7}, "schema 7, this program reads 1"),
        ({"space": "S4"}, "unknown space 'S4'"),
        ({"blocks": []}, "not a whole latency table"),
        ({"blocks": None}, "not a whole latency table"),
        ({"slope": "fast"}, "not a whole latency table"),
        ({"check": {"median_error": 0.1}}, "not a whole latency table"),
        ({"device": {"kind": "local"}}, "not a whole latency table"),
        ({"device": "a phone"}, "not a whole latency table"),
        ({"intercept_ms": float("nan")}, "not above 0"),
        ({"intercept_ms": -9.0}, "not above 0"),
    ],
)
def test_files_that_are_not_tables(tmp_path, change, message):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(made_up().to_json() | change))
    with pytest.raises(LatencyTableError, match=message):
        read_latency_table(path)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(LatencyTableError, match="cannot read"):
        read_latency_table(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text("{")
    with pytest.raises(LatencyTableError, match="is not JSON"):
        read_latency_table(tmp_path / "cut.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(LatencyTableError, match="not a whole latency table"):
        read_latency_table(tmp_path / "list.json")


def test_tables_are_values(tmp_path):
    assert dataclasses.replace(made_up(), threads=2) != made_up()
