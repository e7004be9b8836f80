"""A search problem is a value."""

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem


def test_equal_however_the_shape_came():
    space = SEARCH_SPACES["S3"]
    problem = SearchProblem(space, 10, [32, 31, 3])
    assert problem == SearchProblem(space, 10, (32, 31, 3))
    assert len({problem, SearchProblem(space, 10, (32, 31, 3))}) == 1
    assert problem != SearchProblem(space, 9, (32, 31, 3))
    assert problem != SearchProblem(SEARCH_SPACES["S5"], 10, (32, 31, 3))
