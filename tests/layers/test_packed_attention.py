"""Packed maps: no larger than the layer, and unpacked the maps that everything else computes."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from rnascl_tf.layers import attention_maps, pack_maps, packed_shapes, unpack_maps

# Larger than 5x5, smaller, of its size in one direction, smaller again, twice one after another.
TAP_SHAPES = [(3, 7, 11, 5), (3, 2, 3, 17), (3, 13, 1, 2), (3, 1, 1, 7), (3, 2, 3, 4), (3, 2, 3, 6)]


@pytest.fixture
def taps():
    generator = np.random.default_rng(3)
    return [generator.standard_normal(shape, np.float32) for shape in TAP_SHAPES]


def test_no_map_is_packed_larger_than_its_layer_or_the_grid(taps):
    shapes = packed_shapes(taps, 5)
    assert shapes == ((5, 5), (2, 3), (13, 1), (1, 1), (2, 3), (2, 3))
    packed = pack_maps(taps, 5).numpy()
    assert packed.shape == (3, 25 + 6 + 13 + 1 + 6 + 6)
    starts = np.cumsum([0, 25, 6, 13, 1, 6])
    norms = np.sqrt(np.add.reduceat(packed.astype(np.float64) ** 2, starts, axis=1))
    np.testing.assert_allclose(norms, 1, rtol=1e-6)
    energy = (taps[1].astype(np.float64) ** 2).sum(axis=-1).reshape(3, 6)
    wanted = energy / np.linalg.norm(energy, axis=1, keepdims=True)
    np.testing.assert_allclose(packed[:, 25:31], wanted, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5, 14])
def test_unpacked_they_are_the_attention_maps(taps, size):
    shapes = packed_shapes(taps, size)
    packed = pack_maps(taps, size)
    np.testing.assert_allclose(
        unpack_maps(packed, shapes, size), attention_maps(taps, size), atol=1e-6
    )
    half = packed.numpy().astype(np.float16).astype(np.float32)
    # A rounding to 11 bits before the resize, whose weights sum to one, and the norm's own.
    np.testing.assert_allclose(
        unpack_maps(half, shapes, size), attention_maps(taps, size), atol=5e-4
    )


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    tap=arrays.arrays(
        np.float32,
        strategies.tuples(*[strategies.integers(1, 5)] * 4),
        # A norm under NORM_FLOOR, of energies under 1e-6, is divided by that before and after.
        elements=strategies.floats(2**-2, 2**9, width=32) | strategies.just(0.0),
    ),
    scale=strategies.sampled_from([1.0, 1e3, 1e-2]),
)
def test_any_scale_fits_into_float16_and_a_silent_map_stays_zero(tap, scale):
    taps = [tap * np.float32(scale)]
    half = pack_maps(taps, 3).numpy().astype(np.float16)
    assert np.isfinite(half).all()
    unpacked = unpack_maps(half.astype(np.float32), packed_shapes(taps, 3), 3)
    np.testing.assert_allclose(unpacked, attention_maps(taps, 3), atol=2e-3)
