"""Tutor controls and their one-hot form."""

import pytest

from rnascl_tf.training import fixed_tutors, one_hot_tutors

STUDENT = tuple(f"s{i}" for i in range(7))
TEACHER = tuple(f"t{j}" for j in range(5))


def depths(control, seed=0):
    tutors = fixed_tutors(control, STUDENT, TEACHER, seed)
    assert tuple(tutors) == STUDENT
    return [TEACHER.index(tutor) for tutor in tutors.values()]


def test_same_depth_walks_the_teacher_from_first_to_last():
    # i * 4 / 6 = 0, 0.67, 1.33, 2, 2.67, 3.33, 4.
    assert depths("same_depth") == [0, 1, 1, 2, 3, 3, 4]


def test_reversed_is_same_depth_from_the_other_end():
    assert depths("reversed") == [4, 3, 3, 2, 1, 1, 0]


def test_halves_round_up_at_every_depth():
    tutors = fixed_tutors("same_depth", STUDENT, TEACHER[:4], 0)
    # i * 3 / 6 = 0, 0.5, 1, 1.5, 2, 2.5, 3.
    assert [TEACHER.index(tutor) for tutor in tutors.values()] == [0, 1, 1, 2, 2, 3, 3]


def test_random_depends_on_the_seed_and_on_nothing_else():
    assert depths("random", 3) == depths("random", 3)
    draws = {tuple(depths("random", seed)) for seed in range(20)}
    assert len(draws) > 15
    assert {depth for draw in draws for depth in draw} == set(range(5))


def test_refuses_an_unknown_control():
    with pytest.raises(ValueError, match="unknown control 'search'"):
        fixed_tutors("search", STUDENT, TEACHER, 0)


def test_one_hot_tutors():
    rows = one_hot_tutors(("a", "b", "c"), ("t", "u"), {"a": "u", "b": "t", "c": "u"})
    assert rows == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("tutors", [{"a": "t"}, {"a": "t", "b": "other"}])
def test_refuses_missing_or_foreign_tutors(tutors):
    with pytest.raises(ValueError, match=r"student layer b has tutor .* searched with another"):
        one_hot_tutors(("a", "b"), ("t", "u"), tutors)
