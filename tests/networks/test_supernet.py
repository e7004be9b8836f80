"""The supernet: taps, gates, masks. That it is the slim network, and where not: `test_slim.py`."""

import itertools

import keras
import numpy as np
import pytest

from rnascl_tf.layers import HardSwish
from rnascl_tf.networks import (
    SEARCH_SPACES,
    build_supernet,
    channel_masks,
    chosen_filters,
    expected_filters,
    filter_log_probabilities,
)

SPACE = SEARCH_SPACES["S3"]
SHAPE = (13, 11, 3)


@pytest.fixture(scope="module")
def supernet(randomize):
    return randomize(build_supernet(SPACE, 7, SHAPE, seed=3))


def images(count=5):
    return np.random.default_rng(0).random((count, *SHAPE), dtype="float32")


@pytest.mark.parametrize(
    ("name", "convolutions"),
    [("S3", 28), ("S5", 46), ("S7", 64), ("M", 52), ("L", 52), ("IS", 31), ("IM", 43), ("I", 55)],
)
def test_n_s_is_the_papers(name, convolutions, supernet_of):
    outputs = supernet_of(name).output
    assert len(outputs["taps"]) == convolutions
    assert len(outputs["gates"]) == SEARCH_SPACES[name].depth


def test_taps_gates_and_logits_have_the_documented_shapes(supernet):
    outputs = supernet(images(), training=True)
    assert outputs["logits"].shape == (5, 7)
    assert outputs["taps"]["stem"].shape == (5, 7, 6, 16)
    assert outputs["taps"]["stage3_block3_project"].shape == (5, 2, 2, 64)
    assert {len(gate) for gate in outputs["gates"].values()} == {2, 4}


@pytest.mark.parametrize("name", ["S3", "IS"])
def test_another_activation_is_everywhere(name):
    wanted = build_supernet(SEARCH_SPACES[name], 7, SHAPE, activation="relu6")
    found = [layer for layer in wanted.layers if layer.name.endswith("_act")]
    assert {(type(layer), layer.max_value) for layer in found} == {(keras.layers.ReLU, 6.0)}
    usual = build_supernet(SEARCH_SPACES[name], 7, SHAPE)
    assert len(found) == sum(isinstance(layer, HardSwish) for layer in usual.layers)


def test_nothing_is_random_at_inference(supernet):
    first, second = supernet(images(), training=False), supernet(images(), training=False)
    np.testing.assert_array_equal(first["logits"], second["logits"])
    for gate in first["gates"].values():
        assert sorted(gate.numpy())[-2:] == [0.0, 1.0]


def test_the_mask_acts_after_the_tap_and_before_the_next_block(randomize):
    supernet = randomize(build_supernet(SPACE, 7, SHAPE))
    for mask in channel_masks(supernet):
        mask.gumbel.logits.assign([[0.0] * (len(mask.filters) - 1) + [9.0]])
    tap = supernet(images(), training=False)["taps"]["stage3_block3_project"].numpy()
    assert np.abs(tap[..., 52:]).max() > 0, "the tap must be taken before the mask"
    pooled = keras.Model(supernet.input, supernet.get_layer("pool").output)(images()).numpy()
    assert not pooled[:, 52:].any()
    assert pooled[:, :52].any()


def test_expected_filters_are_the_gates_mean(supernet):
    gates = supernet(images(), training=True)["gates"]
    expected = [
        float(np.dot(np.float64(gate), mask.filters))
        for gate, mask in zip(gates.values(), channel_masks(supernet), strict=True)
    ]
    np.testing.assert_allclose(expected_filters(SPACE, gates), expected, rtol=1e-6)


def test_log_probabilities_are_the_logits_softmax_in_block_order(supernet):
    generator = np.random.default_rng(1)
    logits = [generator.normal(0, 9, len(mask.filters)) for mask in channel_masks(supernet)]
    for mask, row in zip(channel_masks(supernet), logits, strict=True):
        mask.gumbel.logits.assign(row[None])
    for ours, row in zip(filter_log_probabilities(supernet), logits, strict=True):
        assert ours.dtype == np.float64
        # The logits are float32.
        np.testing.assert_allclose(ours, row - np.log(np.exp(row).sum()), atol=1e-5)


def test_chosen_filters_are_the_most_probable(supernet):
    wanted = [[12, 16, 12], [20, 24, 32], [64, 52, 56]]
    for mask, width in zip(channel_masks(supernet), itertools.chain(*wanted), strict=True):
        mask.gumbel.logits.assign([[3.0 * (f == width) for f in mask.filters]])
    assert chosen_filters(supernet, SPACE) == wanted
