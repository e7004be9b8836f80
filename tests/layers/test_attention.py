import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from rnascl_tf.layers.attention import NORM_FLOOR, AttentionMaps, attention_maps

TAP_SHAPES = [(3, 7, 11, 5), (3, 13, 2, 1), (3, 1, 1, 17)]


def resize_line(size, length):
    """Bilinear weights [size, length]: samples at half-pixel centres, clamped at the border."""
    weights = np.zeros((size, length))
    for row in range(size):
        position = np.clip((row + 0.5) * length / size - 0.5, 0, length - 1)
        left = int(np.floor(position))
        right = min(left + 1, length - 1)
        weights[row, left] += 1 - (position - left)
        weights[row, right] += position - left
    return weights


def reference(tap, size):
    """One map by the paper's formula in float64: [batch, size * size]."""
    energy = (tap.astype(np.float64) ** 2).sum(axis=-1)
    rows, columns = resize_line(size, tap.shape[1]), resize_line(size, tap.shape[2])
    resized = np.einsum("ih,bhw,jw->bij", rows, energy, columns).reshape(len(tap), -1)
    norm = np.sqrt((resized**2).sum(axis=1, keepdims=True))
    return resized / np.maximum(norm, NORM_FLOOR)


@pytest.fixture
def taps():
    generator = np.random.default_rng(3)
    return [generator.standard_normal(shape, np.float32) for shape in TAP_SHAPES]


@pytest.mark.parametrize("size", [2, 5, 14])
def test_maps_follow_the_formula(size, taps):
    maps = attention_maps(taps, size)
    assert maps.shape == (3, len(taps), size * size)
    assert maps.dtype == tf.float32
    for index, tap in enumerate(taps):
        # float32: a few roundings of numbers below one.
        np.testing.assert_allclose(maps[:, index], reference(tap, size), atol=1e-6)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    tap=arrays.arrays(
        np.float32,
        strategies.tuples(*[strategies.integers(1, 5)] * 4),
        elements=strategies.floats(-1e3, 1e3, width=32),
    ),
    size=strategies.integers(1, 7),
)
def test_norm_is_one_or_the_map_is_tiny(tap, size):
    maps = attention_maps([tap], size).numpy()[:, 0]
    assert (maps >= 0).all()
    energy = np.einsum("bhwc,bhwc->b", tap.astype(np.float64), tap)
    for row, total in zip(maps, energy, strict=True):
        norm = np.linalg.norm(row)
        # A resize to a smaller grid may skip the only bright pixel, so small maps may vanish.
        assert norm <= 1 + 1e-5
        if size >= max(tap.shape[1:3]) and total > 1e-3:
            assert norm == pytest.approx(1, abs=1e-5)


def test_each_sample_has_its_own_norm(taps):
    scaled = [tap * np.float32([1, 10, 100]).reshape(3, 1, 1, 1) for tap in taps]
    np.testing.assert_allclose(attention_maps(scaled, 5), attention_maps(taps, 5), atol=1e-6)


def test_a_map_of_its_own_size_is_only_normalised(taps):
    square = taps[0][:, :, :7]
    energy = (square.astype(np.float64) ** 2).sum(axis=-1).reshape(3, -1)
    wanted = energy / np.linalg.norm(energy, axis=1, keepdims=True)
    np.testing.assert_allclose(attention_maps([square], 7)[:, 0], wanted, atol=1e-6)


def test_gradient_matches_finite_differences(taps):
    tap = taps[0][:1, :3, :2, :2].astype(np.float64)
    weights = np.random.default_rng(5).standard_normal(9)
    variable = tf.Variable(tap.astype(np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(attention_maps([variable], 3)[:, 0] * weights.astype(np.float32))
    computed = tape.gradient(total, variable).numpy()
    step = 1e-6
    for index in np.ndindex(tap.shape):
        moved = [tap.copy(), tap.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        up, down = ((reference(one, 3) * weights).sum() for one in moved)
        assert computed[index] == pytest.approx((up - down) / (2 * step), abs=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e-4, 1e8])
def test_gradient_is_finite_at_any_scale(scale, taps):
    variable = tf.Variable(taps[0] * np.float32(scale))
    with tf.GradientTape() as tape:
        maps = attention_maps([variable], 14)
        total = tf.reduce_sum(maps * tf.range(196, dtype=tf.float32))
    assert np.isfinite(maps.numpy()).all()
    assert np.isfinite(tape.gradient(total, variable).numpy()).all()


def test_in_a_graph_of_free_batch_size_and_half_precision(taps):
    @tf.function(input_signature=[tf.TensorSpec([None, 7, 11, 5], tf.bfloat16)])
    def compute(tap):
        return attention_maps([tap, 2 * tap], 3)

    rounded = tf.cast(taps[0], tf.bfloat16)
    maps = compute(rounded)
    assert maps.dtype == tf.float32
    wanted = reference(tf.cast(rounded, tf.float32).numpy(), 3)
    np.testing.assert_allclose(maps[:, 0], wanted, atol=1e-6)
    np.testing.assert_allclose(maps[:, 1], wanted, atol=1e-6)


def test_wrong_arguments_are_refused(taps):
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        attention_maps(taps, 0)
    with pytest.raises(ValueError, match="at least one tap"):
        attention_maps([], 14)
    with pytest.raises(ValueError, match=r"got shape \(3, 7\)"):
        attention_maps([np.zeros((3, 7), np.float32)], 14)


def test_the_layer_gives_the_functions_maps(taps):
    np.testing.assert_array_equal(AttentionMaps(size=5)(taps), attention_maps(taps, 5))


def test_the_layer_refuses_a_size_under_one():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        AttentionMaps(size=0)
