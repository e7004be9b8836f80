import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.robustness.threat_model import RobustnessError
from rnascl_tf.robustness.wilson import wilson_interval

Z = 1.959963984540054  # the normal quantile of 97.5%


def by_hand(successes, trials):
    centre = (successes + Z**2 / 2) / (trials + Z**2)
    spread = successes * (trials - successes) / trials + Z**2 / 4
    half_width = Z / (trials + Z**2) * math.sqrt(spread)
    return centre - half_width, centre + half_width


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 20, 0.0, 0.1611),
        (20, 20, 0.8389, 1.0),
        (500, 1000, 0.4691, 0.5309),
    ],
)
def test_hand_values(successes, trials, low, high):
    # Four decimals, as worked out by hand.
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_matches_the_formula_and_holds_the_proportion(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    assert (low, high) == pytest.approx(by_hand(successes, trials), abs=1e-9)
    assert 0.0 <= low <= successes / trials <= high <= 1.0


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_refuses_impossible_counts(successes, trials):
    with pytest.raises(RobustnessError, match="not a proportion"):
        wilson_interval(successes, trials)
