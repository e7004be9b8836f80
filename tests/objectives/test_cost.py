"""n_f = log(expected MACs) / log(reference MACs), and n_f = 1."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, build_supernet
from rnascl_tf.objectives import ExpectedMacs, Free

SPACE = SEARCH_SPACES["S3"]
WIDEST = [16.0] * 3 + [32.0] * 3 + [64.0] * 3


def test_is_one_at_the_widest_network_and_smaller_below():
    cost = ExpectedMacs(SearchProblem(SPACE, 10, (32, 32, 3)))
    widest = cost.macs([tf.constant(width) for width in WIDEST])
    assert float(cost.factor(widest)) == pytest.approx(1.0, abs=1e-6)
    paper = cost.macs([tf.constant(w) for w in [16.0] * 3 + [20.0] * 3 + [52.0] * 3])
    assert int(paper) == 5_856_904
    expected = np.log(5_856_904) / np.log(cost.reference_macs)
    assert float(cost.factor(paper)) == pytest.approx(expected, rel=1e-6)


def test_every_width_is_priced():
    cost = ExpectedMacs(SearchProblem(SPACE, 10, (32, 32, 3)))
    widths = [tf.Variable(width) for width in WIDEST]
    with tf.GradientTape() as tape:
        factor = cost.factor(cost.macs(widths))
    assert all(float(gradient) > 0 for gradient in tape.gradient(factor, widths))


def test_price_by_hand(tiny):
    price = ExpectedMacs(tiny.problem)(tiny.fixed_gates)
    macs = 54 * 27 * 16 + 54 * (16 * 96 + 9 * 96 + 96 * 5) + 54 * (5 * 30 + 9 * 30 + 30 * 6)
    macs += 54 * 6 * 36 + 15 * (9 * 36 + 36 * 9.4) + 9.4 * 7
    assert macs == pytest.approx(tiny.macs(*tiny.expected_widths))
    assert float(price.expected_macs) == pytest.approx(macs, rel=1e-6)
    widest = 54 * 27 * 16 + 54 * (16 * 96 + 9 * 96 + 96 * 8) + 54 * (8 * 48 + 9 * 48 + 48 * 8)
    widest += 54 * 8 * 48 + 15 * (9 * 48 + 48 * 14) + 14 * 7
    assert float(price.factor) == pytest.approx(np.log(macs) / np.log(widest), rel=1e-6)


def test_gradients_in_the_gumbel_parameters_are_the_differences(tiny, check_slopes):
    reference = np.log(tiny.macs(8, 8, 14))
    check_slopes(ExpectedMacs(tiny.problem), lambda *widths: np.log(tiny.macs(*widths)) / reference)


def test_no_price_is_one_without_a_gradient_and_still_tells_the_macs(tiny):
    parameters = [tf.Variable(row, dtype=tf.float32) for row in tiny.parameters]
    with tf.GradientTape(persistent=True) as tape:
        price = Free(tiny.problem)(tiny.gates([tf.convert_to_tensor(row) for row in parameters]))
    assert float(price.factor) == 1.0
    assert tape.gradient(price.factor, parameters) == [None] * 3
    widths = tiny.widths(tiny.gates(tiny.parameters))
    assert float(price.expected_macs) == pytest.approx(tiny.macs(*widths), rel=1e-5)


def test_a_supernets_gates_are_what_a_cost_model_takes(tiny):
    """At inference they are one-hot at the first of equals, the widest."""
    gates = build_supernet(tiny.space, 7, (11, 17, 3))(np.zeros((1, 11, 17, 3), "float32"))["gates"]
    price = ExpectedMacs(tiny.problem)(gates)
    assert float(price.factor) == pytest.approx(1.0, abs=1e-6)
    assert float(price.expected_macs) == tiny.macs(8, 8, 14)
