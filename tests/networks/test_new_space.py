"""A search space is one entry of the table: everything else follows from it."""

import numpy as np
import pytest

from rnascl_tf.networks import (
    SEARCH_SPACES,
    MacsBudget,
    SearchProblem,
    SearchSpace,
    build_student,
    build_supernet,
    describe,
    filter_log_probabilities,
    read_architecture,
    student_taps,
    write_architecture,
)
from rnascl_tf.networks.search_space import Head, StageSpace
from rnascl_tf.objectives import cost_model


@pytest.fixture
def space(monkeypatch):
    stages = (StageSpace((5, 3), 1, 2, expansion=1), StageSpace((11, 7, 4), 2, 1, expansion=2))
    added = SearchSpace("mine", stages, stem_filters=3, head=Head(2, 13), image_size=17)
    monkeypatch.setitem(SEARCH_SPACES, added.name, added)
    return added


def test_from_entry_to_student(space, tmp_path):
    problem = SearchProblem(space, 7, (space.image_size, 19, 3))
    supernet = build_supernet(space, problem.num_classes, problem.input_shape)
    images = np.random.default_rng(0).random((2, *problem.input_shape), np.float32)
    outputs = supernet(images)
    budget = MacsBudget(problem)
    target = round(sum(budget.range) / 2)
    price = cost_model("macs", problem, target)(outputs["gates"])
    assert float(price.expected_macs) == budget.range[1], "the first of equals is the widest"
    decoded = budget.decode(filter_log_probabilities(supernet), target)
    path = tmp_path / "architecture.json"
    write_architecture(describe(problem, decoded.filters, [], seed=0), path)
    architecture = read_architecture(path)
    assert architecture.problem == problem
    assert architecture.macs == decoded.cost
    student = build_student(architecture)
    assert student(images).shape == (2, 7)
    assert list(student_taps(student).output["taps"]) == list(outputs["taps"])
