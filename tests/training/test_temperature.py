"""tau's schedule."""

import pytest

from rnascl_tf.training import temperature_at


def test_the_papers_hundred_epochs():
    assert temperature_at(0, 100) == 5.0
    assert temperature_at(1, 100) == pytest.approx(5 * 2.718281828**-0.045)
    assert temperature_at(100, 100) == pytest.approx(0.0555, abs=5e-5)


def test_scales_with_the_epochs():
    assert temperature_at(3, 10) == pytest.approx(temperature_at(30, 100))
