"""A space of three blocks small enough to write every product out by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import SearchProblem, SearchSpace
from rnascl_tf.networks.search_space import StageSpace


def _macs(first, second, third):
    """11x17 images: 6x9 after the stem and in stage 1, 3x5 in stage 2; 7 classes."""
    macs = 54 * 27 * 16
    macs += 54 * (16 * 96 + 9 * 96 + 96 * first)
    macs += 54 * (first * 6 * first + 9 * 6 * first + 6 * first * second)
    macs += 54 * (second * 6 * second) + 15 * (9 * 6 * second + 6 * second * third)
    return macs + third * 7


def _authors(first, second, third):
    """e = 1 in stage 1, 6 in stage 2."""
    total = 54 * (16 * first + 9 * first**2 + first**2)
    total += 54 * (first * second + 9 * second**2 + second**2)
    return total + 15 * (6 * second * third + 9 * (6 * third) ** 2 + 6 * third**2)


@pytest.fixture(scope="session")
def tiny():
    """The space, its problem, its costs by hand, and Gumbel gates of given parameters."""
    space = SearchSpace("tiny", (StageSpace((8, 4), 2, 1), StageSpace((14, 12, 6), 1, 2)))
    names = ["stage1_block1", "stage1_block2", "stage2_block1"]
    choices = [(8, 4), (8, 4), (14, 12, 6)]
    generator = np.random.default_rng(0)
    noise = [generator.gumbel(size=len(row)) for row in choices]

    def gates(parameters, temperature=0.7):
        """float32 gates from tensors, float64 gates from arrays."""
        if tf.is_tensor(parameters[0]):
            rows = [
                tf.nn.softmax((v + tf.constant(o, tf.float32)) / temperature)
                for v, o in zip(parameters, noise, strict=True)
            ]
        else:
            exponents = [
                np.exp((v + o) / temperature) for v, o in zip(parameters, noise, strict=True)
            ]
            rows = [row / row.sum() for row in exponents]
        return dict(zip(names, rows, strict=True))

    def widths(gates):
        return [float(np.dot(gates[name], row)) for name, row in zip(names, choices, strict=True)]

    def slopes(function, parameters, step=1e-5):
        """Central differences of a function of the widths in every Gumbel parameter, float64."""
        result = []
        for row in range(len(parameters)):
            result.append(np.zeros(len(parameters[row])))
            for entry in range(len(parameters[row])):
                values = []
                for sign in (1, -1):
                    moved = [values.copy() for values in parameters]
                    moved[row][entry] += sign * step
                    values.append(function(*widths(gates(moved))))
                result[row][entry] = (values[0] - values[1]) / (2 * step)
        return result

    return SimpleNamespace(
        space=space,
        problem=SearchProblem(space, 7, (11, 17, 3)),
        fixed_gates={
            "stage1_block1": tf.constant([0.25, 0.75]),
            "stage1_block2": tf.constant([0.5, 0.5]),
            "stage2_block1": tf.constant([0.2, 0.3, 0.5]),
        },
        expected_widths=(5.0, 6.0, 9.4),
        parameters=[generator.normal(size=len(row)) for row in choices],
        macs=_macs,
        authors=_authors,
        gates=gates,
        widths=widths,
        slopes=slopes,
    )


@pytest.fixture(scope="session")
def check_slopes(tiny):
    """Compares a cost model's price and gradients with those of a function of the widths."""

    def check(cost, factor_by_hand):
        parameters = [tf.Variable(row, dtype=tf.float32) for row in tiny.parameters]
        with tf.GradientTape() as tape:
            price = cost(tiny.gates([tf.convert_to_tensor(row) for row in parameters]))
        widths = tiny.widths(tiny.gates(tiny.parameters))
        assert float(price.factor) == pytest.approx(factor_by_hand(*widths), rel=1e-5)
        assert float(price.expected_macs) == pytest.approx(tiny.macs(*widths), rel=1e-5)
        slopes = tiny.slopes(factor_by_hand, tiny.parameters)
        for ours, wanted in zip(tape.gradient(price.factor, parameters), slopes, strict=True):
            # float32 gradients; the differences themselves are good to about 1e-9.
            np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=2e-8)
            assert np.abs(wanted).min() > 1e-6

    return check
