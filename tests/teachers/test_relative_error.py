import numpy as np
import pytest

from teachers.relative_error import Comparison, RelativeErrors


def test_largest_difference_over_largest_wanted_number_of_all_batches():
    generator = np.random.default_rng(3)
    found, wanted = generator.normal(size=(2, 13, 5, 7))
    errors = RelativeErrors()
    for start in range(0, 13, 4):
        batch = slice(start, start + 4)
        errors.add("some", found[batch].astype(np.float32), wanted[batch].astype(np.float32))
    expected = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert errors.errors() == {"some": pytest.approx(expected, rel=1e-6)}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["found", "wanted"])
def test_what_is_not_a_number_is_infinitely_far(broken, place):
    arrays = {"found": np.ones((3, 2), np.float32), "wanted": np.full((3, 2), 2, np.float32)}
    arrays[place][1, 1] = broken
    errors = RelativeErrors()
    errors.add("some", **arrays)
    errors.add("some", np.ones((1, 2), np.float32), np.ones((1, 2), np.float32))
    assert errors.errors() == {"some": float("inf")}


def test_equal_zeros_agree_and_others_do_not():
    zeros, ones = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    errors = RelativeErrors()
    errors.add("same", zeros, zeros)
    errors.add("other", ones, zeros)
    assert errors.errors() == {"same": 0.0, "other": float("inf")}


def test_the_worst_is_named():
    comparison = Comparison({"first": 1e-6, "second": 3e-5, "logits": 2e-7}, images=5)
    assert (comparison.worst, comparison.largest) == ("second", 3e-5)
