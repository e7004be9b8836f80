"""Deciding under a budget: against every student of small spaces, and on the paper's own."""

import itertools

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.networks import (
    SEARCH_SPACES,
    MacsBudget,
    SearchProblem,
    SearchSpace,
    TargetError,
    count,
    total_macs,
)
from rnascl_tf.networks.search_space import Head, StageSpace

SHAPE, CLASSES = (23, 19, 3), 7
SMALL = SearchSpace(
    "small",
    (StageSpace((8, 5), 2, 1), StageSpace((14, 12, 6), 2, 2), StageSpace((11, 3), 1, 1, 1)),
    head=Head(expansion=2, filters=13),
)
COARSE = SearchSpace("coarse", (StageSpace((64, 8), 1, 1),))


def on_images(space):
    return MacsBudget(SearchProblem(space, CLASSES, SHAPE))


def students(space):
    """Every student: positions of its choices, and multiply-adds by the sum over layers."""
    choices = [block.choices for block in space.blocks(space.widest)]
    for positions in itertools.product(*(range(len(row)) for row in choices)):
        widths = [row[position] for row, position in zip(choices, positions, strict=True)]
        yield positions, widths, total_macs(on_images(space).problem, widths)


def log_probabilities(space, seed, spread=2.0):
    generator = np.random.default_rng(seed)
    return [
        scipy.special.log_softmax(generator.normal(0, spread, len(block.choices)))
        for block in space.blocks(space.widest)
    ]


@given(
    seed=st.integers(0, 10**6),
    part=st.floats(0, 1),
    tolerance=st.sampled_from([0.005, 0.03, 0.1]),
    spread=st.sampled_from([0.0, 0.01, 2.0, 20.0]),
)
@settings(max_examples=60)
def test_is_the_best_of_all_students_within_the_tolerance(seed, part, tolerance, spread):
    narrowest, widest = on_images(SMALL).range
    target = round(narrowest + part * (widest - narrowest))
    scores = log_probabilities(SMALL, seed, spread)
    decoded = on_images(SMALL).decode(scores, target, tolerance)
    every = [
        (float(sum(row[i] for row, i in zip(scores, positions, strict=True))), widths, macs)
        for positions, widths, macs in students(SMALL)
    ]
    within = [score for score, _, macs in every if abs(macs / target - 1) <= tolerance]
    best = max(score for score, _, _ in every)
    if within:
        assert abs(decoded.cost / target - 1) <= tolerance
        # The solver's own gap is 1e-6; equals may be taken for one another.
        assert decoded.log_probability == pytest.approx(max(within), abs=1e-5)
    else:
        nearest = min(abs(macs - target) for _, _, macs in every)
        # The distance is found to 1e-6 of a thousandth of the target: less than one MAC here.
        assert abs(decoded.cost - target) <= nearest + 1
    assert decoded.log_probability_given_up == pytest.approx(best - decoded.log_probability)
    flat = list(itertools.chain(*decoded.filters))
    assert (decoded.log_probability, flat, decoded.cost) in [
        (pytest.approx(score), widths, macs) for score, widths, macs in every
    ]


@pytest.mark.parametrize("name", SEARCH_SPACES)
@pytest.mark.parametrize("part", [0.0, 0.17, 0.9, 1.0])
def test_every_space_meets_a_target_within_three_percent(name, part):
    space = SEARCH_SPACES[name]
    problem = (100, (224, 224, 3)) if name.startswith("I") else (10, (32, 32, 3))
    budget = MacsBudget(SearchProblem(space, *problem))
    narrowest, widest = budget.range
    target = round(narrowest + part * (widest - narrowest))
    decoded = budget.decode(log_probabilities(space, 1), target)
    described = {"space": name, "filters": decoded.filters}
    described |= {"num_classes": problem[0], "input_shape": problem[1]}
    assert count(described).macs == decoded.cost
    assert abs(decoded.cost / target - 1) <= 0.03


def test_a_most_probable_student_within_the_tolerance_is_taken_as_it_is():
    scores = log_probabilities(SMALL, 3)
    plain = on_images(SMALL).decode(scores, on_images(SMALL).range[0])
    decoded = on_images(SMALL).decode(scores, plain.unconstrained_cost)
    assert decoded.filters == decoded.unconstrained_filters == plain.unconstrained_filters
    assert decoded.cost == plain.unconstrained_cost
    assert decoded.log_probability_given_up == 0
    best = sum(row.max() for row in scores)
    assert decoded.log_probability == pytest.approx(best)


def test_the_nearest_student_where_the_space_has_a_gap():
    scores = [np.log([0.99, 0.01])]
    narrow, wide = on_images(COARSE).range
    for target, wanted in ((narrow * 1.2, 8), (wide * 0.9, 64)):
        assert on_images(COARSE).decode(scores, round(target)).filters == [[wanted]]


def test_the_tolerance_is_a_part_of_the_target_and_not_of_the_cost():
    narrow, wide = on_images(COARSE).range
    target = round(0.6 * wide)
    assert (wide - target) / wide < 0.5 < (wide - target) / target
    assert (target - narrow) / target < 0.5
    decoded = on_images(COARSE).decode([np.log([0.99, 0.01])], target, tolerance=0.5)
    assert decoded.filters == [[8]]


def test_range_is_the_narrowest_and_the_widest_student():
    every = [macs for _, _, macs in students(SMALL)]
    assert on_images(SMALL).range == (min(every), max(every))


def test_an_unreachable_target_is_refused_with_the_range():
    space = SEARCH_SPACES["S3"]
    budget = MacsBudget(SearchProblem(space, 10, (32, 32, 3)))
    narrowest, widest = budget.range
    budget.check(narrowest)
    budget.check(widest)
    for target in (narrowest - 1, widest + 1):
        with pytest.raises(TargetError, match=rf"{target:,} MACs .* 4,743,304 MACs to 7,874,176 "):
            budget.check(target)
        with pytest.raises(TargetError, match="out of reach"):
            budget.decode(log_probabilities(space, 0), target)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:-1],
        lambda rows: [*rows[:-1], rows[-1][:1]],
        lambda rows: [*rows[:-1], rows[-1] * np.inf],
    ],
)
def test_refuses_probabilities_of_another_space(spoil):
    narrowest, _ = on_images(SMALL).range
    with pytest.raises(ValueError, match=r"space small needs finite log-probabilities of shapes"):
        on_images(SMALL).decode(spoil(log_probabilities(SMALL, 0)), narrowest)
