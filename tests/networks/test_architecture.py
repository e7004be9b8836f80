"""What a network is built from: an `Architecture`, or a mapping with its fields."""

import dataclasses

import pytest

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, describe
from rnascl_tf.networks.architecture import activation_of, problem_and_filters

PROBLEM = SearchProblem(SEARCH_SPACES["S3"], 7, (29, 31, 3))
FILTERS = [[16] * 3, [20] * 3, [52] * 3]


@pytest.fixture
def architecture():
    return describe(PROBLEM, FILTERS, [], seed=5, activation="relu6")


def test_the_problem_comes_back(architecture):
    assert architecture.problem == PROBLEM
    for form in (architecture, dataclasses.asdict(architecture)):
        assert problem_and_filters(form) == (PROBLEM, FILTERS)
        assert activation_of(form) == "relu6"


def test_hard_swish_goes_without_saying(architecture):
    fields = dataclasses.asdict(architecture)
    del fields["activation"]
    assert activation_of(fields) == "hard_swish"


def test_refusals(architecture):
    fields = dataclasses.asdict(architecture)
    with pytest.raises(ValueError, match="unknown search space 'S4'"):
        problem_and_filters(fields | {"space": "S4"})
    with pytest.raises(ValueError, match="unknown activation 'gelu'"):
        activation_of(fields | {"activation": "gelu"})
    del fields["num_classes"]
    with pytest.raises(ValueError, match="lacks num_classes"):
        problem_and_filters(fields)
