"""Norms, attacks and epsilons as tables and pictures call them."""

import pytest

from rnascl_tf.report.titles import NORM_TITLES, epsilon_text, threat_title
from rnascl_tf.robustness.threat_model import NORMS


@pytest.mark.parametrize(
    ("epsilon", "text"), [(8 / 255, "8/255"), (0.1, "0.1"), (0.0, "0"), (1.0, "255/255")]
)
def test_epsilon_as_text(epsilon, text):
    assert epsilon_text(epsilon) == text


def test_a_threat_model_as_a_title():
    assert threat_title("linf", "8/255") == "L-inf epsilon 8/255, pixel space"
    assert threat_title("l2", 0.5, "normalized") == "L2 epsilon 0.5, normalized space"


def test_every_norm_has_a_title():
    assert set(NORM_TITLES) == set(NORMS)
