"""Accuracies are printed, written and read back the same; impossible ones are refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.robustness import Accuracy, RobustnessError, wilson_interval


def test_is_counted_and_printed():
    accuracy = Accuracy.of(np.array([True] * 8 + [False] * 2))
    assert accuracy == Accuracy(8, 10)
    assert accuracy.value == 0.8
    # Four decimals of the interval, as worked out by hand: 0.4902 to 0.9433.
    assert str(accuracy) == f"{accuracy}" == "80.0 [49.0, 94.3]"
    assert accuracy.percent == 80.0
    assert accuracy.percent_interval == pytest.approx((49.02, 94.33), abs=0.005)
    assert str(Accuracy(0, 20)) == "0.0 [0.0, 16.1]"


@given(st.integers(1, 10_000), st.data())
def test_json_reads_back_as_it_was(n, data):
    accuracy = Accuracy(data.draw(st.integers(0, n)), n)
    values = accuracy.to_json()
    assert list(values) == ["accuracy", "n", "interval"]
    assert values["interval"] == list(wilson_interval(accuracy.correct, n))
    assert Accuracy.from_json(json.loads(json.dumps(values))) == accuracy


def test_counts_of_numpy_are_written_as_json():
    json.dumps(Accuracy(np.int64(3), np.int64(7)).to_json(), allow_nan=False)


@pytest.mark.parametrize(("after", "points"), [(40, 2.0), (39, 3.0), (43, -1.0)])
def test_points_have_no_rounding_errors(after, points):
    assert Accuracy(42, 100).points_above(Accuracy(after, 100)) == points


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(correct, n):
    with pytest.raises(RobustnessError, match="not a proportion"):
        Accuracy(correct, n)


def test_a_fraction_of_no_whole_number_of_images_is_refused():
    with pytest.raises(RobustnessError, match=r"0\.42 on 7 images is not a whole number"):
        Accuracy.from_json({"accuracy": 0.42, "n": 7})
