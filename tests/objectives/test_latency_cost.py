"""n_f from a latency table: exact expectation, exact at one-hot gates, slopes, and steering."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import (
    SEARCH_SPACES,
    LatencyTable,
    LatencyTableError,
    SearchProblem,
    TargetError,
    block_shapes,
    total_macs,
)
from rnascl_tf.objectives import ExpectedLatency, cost_model
from rnascl_tf.record import TimedDevice

SPACE = SEARCH_SPACES["S3"]
SHAPE, CLASSES = (23, 19, 3), 7
PROBLEM = SearchProblem(SPACE, CLASSES, SHAPE)
BLOCKS = SPACE.blocks(SPACE.widest)


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(5)
    shapes = dict.fromkeys(shape for rows in block_shapes(PROBLEM) for row in rows for shape in row)
    return LatencyTable(
        problem=PROBLEM,
        kind="float32",
        activation="relu6",
        threads=1,
        device=TimedDevice(kind="local", cpu="Some CPU", cores=2, runtime="some 1.0"),
        blocks={shape: float(generator.uniform(0.005, 0.03)) for shape in shapes},
        stem_ms=0.004,
        tail_ms={filters: 1e-5 * filters for filters in SPACE.stages[-1].choices},
        intercept_ms=0.003,
        slope=1.1,
    )


def softmax(values):
    exponents = np.exp(values - values.max())
    return exponents / exponents.sum()


def parameters(seed=2):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=len(block.choices)) for block in BLOCKS]


def gates_of(rows):
    return {
        block.name: tf.constant(row, tf.float32) for block, row in zip(BLOCKS, rows, strict=True)
    }


def expectation(table, rows):
    """By the definition: over all pairs of neighbouring widths, in float64."""
    total, before = 0.0, np.ones(1)
    for part, row in zip(table.tables(), rows, strict=True):
        for left in range(len(before)):
            for right in range(len(row)):
                total += before[left] * row[right] * part[left, right]
        before = row
    return total


def test_expectation_and_factor(table):
    rows = [softmax(row) for row in parameters()]
    price = ExpectedLatency(PROBLEM, table)(gates_of(rows))
    wanted = expectation(table, rows)
    assert float(price.expected_cost) == pytest.approx(wanted, rel=1e-5)
    reference = table.predict(SPACE.widest)
    factor = np.log(1000 * wanted) / np.log(1000 * reference)
    assert float(price.factor) == pytest.approx(factor, rel=1e-5)
    widths = [float(row @ np.array(block.choices)) for row, block in zip(rows, BLOCKS, strict=True)]
    macs = total_macs(PROBLEM, widths)
    assert float(price.expected_macs) == pytest.approx(macs, rel=1e-5)


def test_at_one_hot_gates_it_is_the_students_own_prediction(table):
    generator = np.random.default_rng(1)
    cost = ExpectedLatency(PROBLEM, table)
    for _ in range(5):
        chosen = [int(generator.integers(len(block.choices))) for block in BLOCKS]
        rows = [
            np.eye(len(block.choices))[index] for index, block in zip(chosen, BLOCKS, strict=True)
        ]
        filters = SPACE.nested(
            block.choices[index] for index, block in zip(chosen, BLOCKS, strict=True)
        )
        found = float(cost(gates_of(rows)).expected_cost)
        assert found == pytest.approx(table.predict(filters), rel=1e-5)


@pytest.mark.parametrize("target", [None, 0.16, 0.24])
def test_slopes_in_the_gumbel_parameters_are_the_differences(table, target):
    cost = cost_model("latency", PROBLEM, target, table)
    start = parameters()
    reference = np.log(1000 * table.predict(SPACE.widest))

    def by_hand(values):
        expected = expectation(table, [softmax(row) for row in values])
        factor = np.log(1000 * expected) / reference
        return factor if target is None else factor * (1 + abs(np.log(expected / target)))

    variables = [tf.constant(row, tf.float32) for row in start]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        gates = {
            block.name: tf.nn.softmax(row) for block, row in zip(BLOCKS, variables, strict=True)
        }
        factor = cost(gates).factor
    for row, found in enumerate(tape.gradient(factor, variables)):
        for entry in range(len(start[row])):
            values = []
            for sign in (1, -1):
                moved = [each.copy() for each in start]
                moved[row][entry] += sign * 1e-5
                values.append(by_hand(moved))
            wanted = (values[0] - values[1]) / 2e-5
            # float32 sums of parts of 1e-2 under a logarithm of some hundred.
            assert float(found[entry]) == pytest.approx(wanted, rel=2e-3, abs=2e-6)


def test_tables_and_targets_that_do_not_fit(table):
    with pytest.raises(LatencyTableError, match="num_classes 7 there, 10 here"):
        cost_model("latency", SearchProblem(SPACE, 10, SHAPE), None, table)
    with pytest.raises(LatencyTableError, match="space S3 there, S5 here"):
        cost_model("latency", SearchProblem(SEARCH_SPACES["S5"], CLASSES, SHAPE), None, table)
    with pytest.raises(TargetError, match="ms is out of reach"):
        cost_model("latency", PROBLEM, 9.0, table)
