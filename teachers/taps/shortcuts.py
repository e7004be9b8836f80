"""Finds projection shortcuts from the shape of a network's graph, never from names.

A convolution on a path between a tensor and an addition to which a path with more convolutions
leads from that tensor is a shortcut; the paper's n_t leaves it out (DESIGN section 5). Paths are
measured in convolutions because exporters fuse other layers at will.
"""

import graphlib
from collections.abc import Collection, Hashable, Mapping


def projection_shortcuts(
    predecessors: Mapping[Hashable, Collection[Hashable]],
    convolutions: Collection[Hashable],
    additions: Collection[Hashable],
) -> set[Hashable]:
    """Returns the convolutions that only serve the shorter input of some addition.

    An addition's inputs share every convolution up to the tensor where their paths part, so the
    deepest input, counted from the network's input, is also the one with the longest path from that
    tensor. What feeds a shallower input and not a deepest one lies on the shortcut. Inputs of equal
    depth are parallel branches, not shortcuts.

    Args:
        predecessors: for each node, the nodes whose outputs it reads; nodes without inputs may be
            left out. Names may be anything hashable.
        convolutions: the nodes that are convolutions.
        additions: the nodes that add several tensors.

    Raises:
        graphlib.CycleError: the graph has a cycle.
    """
    convolutions = set(convolutions)
    depth: dict[Hashable, int] = {}
    passed: dict[Hashable, frozenset] = {}  # convolutions on any path up to and with the node
    for node in graphlib.TopologicalSorter(predecessors).static_order():
        sources = predecessors.get(node, ())
        is_convolution = node in convolutions
        depth[node] = max((depth[source] for source in sources), default=0) + is_convolution
        passed[node] = frozenset({node} if is_convolution else ()).union(
            *(passed[source] for source in sources)
        )

    shortcuts = set()
    for addition in additions:
        sources = predecessors.get(addition, ())
        deepest = max((depth[source] for source in sources), default=0)
        on_longest = frozenset().union(*(passed[s] for s in sources if depth[s] == deepest))
        for source in sources:
            shortcuts |= passed[source] - on_longest
    return shortcuts
