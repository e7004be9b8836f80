"""n_f = log(expected MACs) / log(reference MACs)."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import SEARCH_SPACES
from rnascl_tf.objectives import ExpectedMacs

SPACE = SEARCH_SPACES["S3"]
WIDEST = [16.0] * 3 + [32.0] * 3 + [64.0] * 3


def test_is_one_at_the_widest_network_and_smaller_below():
    cost = ExpectedMacs(SPACE, 10, (32, 32, 3))
    widest = cost.macs([tf.constant(width) for width in WIDEST])
    assert float(cost.factor(widest)) == pytest.approx(1.0, abs=1e-6)
    paper = cost.macs([tf.constant(w) for w in [16.0] * 3 + [20.0] * 3 + [52.0] * 3])
    assert int(paper) == 5_856_904
    expected = np.log(5_856_904) / np.log(cost.reference_macs)
    assert float(cost.factor(paper)) == pytest.approx(expected, rel=1e-6)


def test_every_width_is_priced():
    cost = ExpectedMacs(SPACE, 10, (32, 32, 3))
    widths = [tf.Variable(width) for width in WIDEST]
    with tf.GradientTape() as tape:
        factor = cost.factor(cost.macs(widths))
    assert all(float(gradient) > 0 for gradient in tape.gradient(factor, widths))
