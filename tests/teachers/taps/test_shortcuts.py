import graphlib
import random

import hypothesis
import pytest
from hypothesis import strategies

from teachers.taps.shortcuts import projection_shortcuts


def shortcuts(edges, convolutions, additions):
    """`edges` spells the graph as "node: sources", one per line."""
    predecessors = {}
    for line in edges.strip().splitlines():
        node, sources = line.split(":")
        predecessors[node.strip()] = sources.split()
    return projection_shortcuts(predecessors, convolutions.split(), additions.split())


def test_identity_shortcut_has_no_convolution_to_leave_out():
    graph = """
        stem: image
        one: stem
        two: one
        add: two stem
    """
    assert shortcuts(graph, "stem one two", "add") == set()


def test_projection_is_a_shortcut():
    graph = """
        stem: image
        one: stem
        relu: one
        two: relu
        projection: stem
        norm: projection
        add: norm two
    """
    assert shortcuts(graph, "stem one two projection", "add") == {"projection"}


def test_projection_after_a_shared_activation():
    # Pre-activation blocks: the shortcut reads what the first convolution reads.
    graph = """
        stem: image
        relu: stem
        one: relu
        two: one
        projection: relu
        add: two projection
        one_again: add
        two_again: one_again
        add_again: two_again add
    """
    found = shortcuts(graph, "stem one two projection one_again two_again", "add add_again")
    assert found == {"projection"}


def test_paths_are_measured_in_convolutions():
    # The shortcut has more nodes than the main path, whose other layers were fused away.
    graph = """
        stem: image
        one: stem
        two: one
        projection: stem
        norm: projection
        scale: norm
        shift: scale
        add: two shift
    """
    assert shortcuts(graph, "stem one two projection", "add") == {"projection"}


def test_squeeze_and_excitation_is_not_a_shortcut():
    graph = """
        stem: image
        one: stem
        pool: one
        squeeze: pool
        excite: squeeze
        scaled: one excite
        add: scaled stem
    """
    assert shortcuts(graph, "stem one squeeze excite", "add") == set()


def test_parallel_branches_of_equal_depth_stay():
    graph = """
        stem: image
        left: stem
        right: stem
        add: left right
    """
    assert shortcuts(graph, "stem left right", "add") == set()


def test_a_short_branch_of_the_long_path_stays():
    # An Inception block inside a residual one: its branches join before the addition.
    graph = """
        stem: image
        short: stem
        long_one: stem
        long_two: long_one
        join: short long_two
        out: join
        projection: stem
        add: out projection
    """
    found = shortcuts(graph, "stem short long_one long_two out projection", "add")
    assert found == {"projection"}


def test_sums_of_many_and_of_constants():
    graph = """
        stem: image
        one: stem
        two: one
        projection: stem
        sum: two projection stem weight
        bias: sum weight
    """
    assert shortcuts(graph, "stem one two projection", "sum bias") == {"projection"}


@hypothesis.given(
    blocks=strategies.lists(
        strategies.tuples(strategies.integers(1, 4), strategies.integers(0, 3)), max_size=6
    ),
    seed=strategies.integers(0, 1000),
)
def test_any_chain_of_blocks_in_any_order(blocks, seed):
    """Each block has a main path and a shortcut of these lengths; the shorter one is left out."""
    predecessors, convolutions, additions, expected = {"stem": ["image"]}, ["stem"], [], set()
    last = "stem"
    for index, (main, shortcut) in enumerate(blocks):
        ends = []
        for side, length in (("main", main), ("shortcut", shortcut)):
            end = last
            for step in range(length):
                node = f"{index}_{side}_{step}"
                predecessors[node] = [end]
                convolutions.append(node)
                if length < max(main, shortcut):
                    expected.add(node)
                end = node
            ends.append(end)
        last = f"add_{index}"
        predecessors[last] = ends
        additions.append(last)
    items = list(predecessors.items())
    random.Random(seed).shuffle(items)
    assert projection_shortcuts(dict(items), convolutions, additions) == expected


def test_a_cycle_is_refused():
    with pytest.raises(graphlib.CycleError):
        projection_shortcuts({"a": ["b"], "b": ["a"]}, ["a"], ["b"])
