import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.data.stratified_order import stratified_order


def names_of(counts):
    return [[f"{label}/{row}" for row in range(count)] for label, count in enumerate(counts)]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=7))
def test_every_example_occurs_once(counts):
    names = names_of(counts)
    order = stratified_order(names)
    wanted = [(label, name) for label, group in enumerate(names) for name in group]
    assert sorted(order) == sorted(wanted)


@pytest.mark.parametrize("counts", [[41] * 7, [5, 11, 101, 7], [2, 1, 1]])
def test_every_beginning_holds_each_class_in_proportion(counts):
    order = stratified_order(names_of(counts))
    labels = np.array([label for label, _ in order])
    places = np.arange(1, len(labels) + 1) / len(labels)
    for label, count in enumerate(counts):
        found = np.cumsum(labels == label)
        # One example for the class's own rounding, and the mean of all classes' for the place's.
        assert np.abs(found - count * places).max() <= 1 + len(counts) * count / len(labels)


def test_names_alone_decide():
    names = names_of([13, 7])
    shuffled = [list(reversed(group)) for group in names]
    assert stratified_order(shuffled) == stratified_order(names)
    # Pinned: the training rows of every user's folder depend on it.
    assert [name for _, name in stratified_order(names)[:6]] == [
        "1/3",
        "0/10",
        "0/4",
        "1/0",
        "0/0",
        "0/6",
    ]


def test_order_within_a_class_is_shuffled():
    order = [int(name.split("/")[1]) for _, name in stratified_order(names_of([211]))]
    # The rank correlation of a random order: standard deviation 1 / sqrt(210).
    assert abs(np.corrcoef(order, np.arange(211))[0, 1]) < 4 / np.sqrt(210)


def test_steps_through_the_order_meet_all_classes():
    labels = [label for label, _ in stratified_order(names_of([20] * 10))]
    # In strict turns every tenth example would be of one class.
    assert len(set(labels[::10])) > 5
