"""The integer programme against every path of small chains."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.networks.chain_decoder import ChainDecoder

SIZES = (1, 3, 2, 4)


def chain(seed):
    """Costs of every pair of neighbours, scores of every choice, and all paths."""
    generator = np.random.default_rng(seed)
    tables = [generator.uniform(1, 9, pair) for pair in itertools.pairwise(SIZES)]
    scores = [generator.normal(size=size) for size in SIZES[1:]]
    paths = itertools.product(*(range(size) for size in SIZES[1:]))
    return tables, scores, [list(path) for path in paths]


def cost(tables, path):
    return sum(table[i, j] for table, i, j in zip(tables, [0, *path[:-1]], path, strict=True))


def score(scores, path):
    return sum(row[index] for row, index in zip(scores, path, strict=True))


@given(st.integers(0, 10**6), st.floats(0.5, 1.5), st.floats(0.001, 0.5))
@settings(max_examples=40, deadline=None)
def test_most_probable_is_the_best_inside_the_window(seed, relative, tolerance):
    tables, scores, paths = chain(seed)
    target = relative * float(np.mean([cost(tables, path) for path in paths]))
    found = ChainDecoder(tables, target).most_probable(scores, tolerance)
    # The solver narrows the window by a millionth.
    inside = [path for path in paths if abs(cost(tables, path) / target - 1) <= tolerance - 2e-6]
    if found is None:
        assert not inside
    else:
        assert abs(cost(tables, found) / target - 1) <= tolerance
        best = max((score(scores, path) for path in inside), default=-np.inf)
        assert score(scores, found) >= best - 1e-5


@given(st.integers(0, 10**6), st.floats(0.2, 3.0))
@settings(max_examples=40, deadline=None)
def test_nearest_is_the_nearest(seed, relative):
    tables, _, paths = chain(seed)
    target = relative * float(np.mean([cost(tables, path) for path in paths]))
    found = ChainDecoder(tables, target).nearest()
    best = min(abs(cost(tables, path) - target) for path in paths)
    assert abs(cost(tables, found) - target) <= best + 1e-4 * target
