"""What supernet and student share: names and shapes of taps, and one seed for every initialiser."""

import itertools

import keras
import numpy as np
import pytest

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem
from rnascl_tf.networks.backbone import _seeds, backbone

PROBLEM = SearchProblem(SEARCH_SPACES["IS"], 5, (37, 41, 3))


def built(seed, after_block=None):
    images = keras.Input(PROBLEM.input_shape)
    logits, taps = backbone(
        images,
        PROBLEM,
        PROBLEM.space.narrowest,
        activation="relu6",
        momentum=0.9,
        seed=seed,
        after_block=after_block,
    )
    return keras.Model(images, logits), taps


def test_taps_in_network_order():
    model, taps = built(0)
    names = list(taps)
    assert names[:3] == ["stem", "stage1_block1_depthwise", "stage1_block1_project"], "expansion 1"
    assert names[3:6] == [f"stage2_block1_{part}" for part in ("expand", "depthwise", "project")]
    assert names[-1] == "head_expand"
    assert taps["stem"].shape == (None, 19, 21, 16)
    assert model.output_shape == (None, 5)


def test_after_block_sees_every_block_in_order():
    seen = []

    def note(features, block):
        seen.append(block.name)
        return features

    built(0, note)
    assert seen == [block.name for block in PROBLEM.space.blocks(PROBLEM.space.widest)]


@pytest.mark.parametrize(("first", "second", "equal"), [(3, 3, True), (3, 4, False)])
def test_the_seed_decides_the_weights(first, second, equal):
    ours, theirs = (built(seed)[0].get_weights() for seed in (first, second))
    assert all(map(np.array_equal, ours, theirs)) is equal


def test_seeds_of_two_runs_never_meet():
    first, second = (set(itertools.islice(_seeds(seed), 100)) for seed in (0, 1))
    assert len(first) == 100
    assert not first & second
