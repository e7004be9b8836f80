"""Entropy and last changes of hand-made probabilities."""

import dataclasses
import json
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.report import last_changes, mean_entropy, summarize_search

LOG2, LOG3 = math.log(2), math.log(3)


def test_entropy_is_the_mean_over_rows_of_each_epoch():
    decided, even = [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]
    half = [0.5, 0.5, np.nan]  # a block of two choices beside blocks of three
    probabilities = [[even, even, half], [even, decided, half], [decided, decided, half]]
    wanted = [(2 * LOG3 + LOG2) / 3, (LOG3 + LOG2) / 3, LOG2 / 3]
    np.testing.assert_allclose(mean_entropy(probabilities), wanted, rtol=1e-12)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_entropy_is_that_of_scipy_and_ignores_the_padding(choices, rows, seed):
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(choices), size=(3, rows))
    wanted = scipy.stats.entropy(probabilities, axis=-1).mean(axis=-1)
    padded = np.pad(probabilities, ((0, 0), (0, 0), (0, 2)), constant_values=np.nan)
    np.testing.assert_allclose(mean_entropy(padded), wanted, rtol=1e-9, atol=1e-12)


def test_last_change_is_the_epoch_counted_from_one():
    first, second = [0.7, 0.3, np.nan], [0.3, 0.7, np.nan]
    never, once, twice = [first] * 4, [first, first, second, second], [first, second, second, first]
    probabilities = np.transpose([never, once, twice], (1, 0, 2))
    assert last_changes(probabilities, [0, 1, 2, 3]).tolist() == [0, 3, 4]
    # A search whose first epochs were not logged counts in its own epochs.
    assert last_changes(probabilities, [5, 6, 7, 8]).tolist() == [0, 8, 9]
    assert last_changes(probabilities[:1], [0]).tolist() == [0, 0, 0]


def test_of_equal_probabilities_the_first_is_chosen_as_the_search_does():
    tied = np.array([[[0.5, 0.5]], [[0.5, 0.5]]])
    assert last_changes(tied, [0, 1]).tolist() == [0]


@pytest.mark.parametrize("shape", [(3, 4), (2, 0, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\[epochs, rows, choices\]"):
        mean_entropy(np.zeros(shape))


def test_another_number_of_epochs_is_refused():
    with pytest.raises(ValueError, match="one epoch for each of 2"):
        last_changes(np.full((2, 1, 2), 0.5), [0])


def test_summary_holds_what_the_arrays_say(diagnostics):
    summary = summarize_search(diagnostics)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["epochs"] == 3
    tutors, filters = summary["tutors"], summary["filters"]
    assert (tutors["rows"], tutors["distinct"]) == (2, 1)  # both end at the second teacher layer
    assert (tutors["last_change_median"], tutors["last_change_maximum"]) == (2.5, 3)
    assert (filters["last_change_median"], filters["last_change_maximum"]) == (1.0, 2)
    assert tutors["entropy_limit"] == pytest.approx(LOG3)
    assert filters["entropy_limit"] == pytest.approx((LOG3 + LOG2) / 2)
    last = diagnostics.tutors[-1].astype(float)
    assert tutors["entropy_last"] == pytest.approx(-(last * np.log(last)).sum() / 2)
    assert tutors["entropy_first"] > tutors["entropy_last"]
    assert "distinct" not in filters


def test_summary_of_a_control_has_no_tutors(diagnostics):
    nothing = np.array([], np.str_)
    control = dataclasses.replace(
        diagnostics,
        tutors=np.zeros((3, 0, 0), np.float32),
        student_layers=nothing,
        teacher_layers=nothing,
    )
    assert set(summarize_search(control)) == {"epochs", "filters"}
