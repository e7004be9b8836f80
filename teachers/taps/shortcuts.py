"""Finds projection shortcuts from the shape of a network's graph, never from names.

Two paths lead from a tensor to an addition, one with more convolutions than the other: a convolution
on the shorter path is a shortcut, which the paper's n_t leaves out (docs/design.md, "The method").
Paths are measured in convolutions because exporters fuse other layers at will.
"""

import graphlib
from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def projection_shortcuts(
    predecessors: Mapping[Node, Collection[Node]],
    convolutions: Collection[Node],
    additions: Collection[Node],
) -> set[Node]:
    """Returns the convolutions that feed only the shorter input of some addition.

    An addition's inputs share every convolution up to the tensor where their paths part, so the
    deepest input, counted from the network's input, is also the one with the longest path from that
    tensor. A convolution that feeds a shallower input and no deepest one is on the
    shortcut. Inputs of equal
    depth are parallel branches, not shortcuts.

    Args:
        predecessors: for each node, the nodes whose outputs it reads; nodes without inputs may be
            missing.
        convolutions: the nodes that are convolutions.
        additions: the nodes that add several tensors.

    Raises:
        graphlib.CycleError: the graph has a cycle.
    """
    convolutions = set(convolutions)
    depth: dict[Node, int] = {}
    passed: dict[Node, frozenset[Node]] = {}  # convolutions on any path to the node, or it
    for node in graphlib.TopologicalSorter(predecessors).static_order():
        sources = predecessors.get(node, ())
        is_convolution = node in convolutions
        depth[node] = max((depth[source] for source in sources), default=0) + is_convolution
        passed[node] = frozenset({node} if is_convolution else ()).union(
            *(passed[source] for source in sources)
        )

    shortcuts: set[Node] = set()
    for addition in additions:
        sources = predecessors.get(addition, ())
        deepest = max((depth[source] for source in sources), default=0)
        on_longest: frozenset[Node] = frozenset().union(
            *(passed[s] for s in sources if depth[s] == deepest)
        )
        for source in sources:
            shortcuts |= passed[source] - on_longest
    return shortcuts
