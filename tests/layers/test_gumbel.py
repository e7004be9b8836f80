"""GumbelSoftmax against NumPy float64, by frequency, and at inference."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.layers import GumbelSoftmax

ROWS, CHOICES = 3, 7


def layer_with(logits, **options):
    rows, choices = np.shape(logits)
    layer = GumbelSoftmax(rows, choices, **options)
    layer.logits.assign(logits)
    return layer


def test_training_is_softmax_of_noisy_logits_over_temperature():
    logits = np.random.default_rng(0).normal(size=(ROWS, CHOICES))
    layer = layer_with(logits, seed=11)
    layer.temperature.assign(0.7)
    weights = layer(training=True).numpy()

    uniform = keras.random.uniform(
        (ROWS, CHOICES), minval=1e-20, maxval=1.0, seed=keras.random.SeedGenerator(11)
    )
    noisy = (logits - np.log(-np.log(np.float64(uniform)))) / 0.7
    expected = np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)
    # float32 exponentials of values up to about 10.
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("noise", ["gumbel", "normal"])
def test_rows_are_distributions_and_draws_differ(noise):
    layer = GumbelSoftmax(ROWS, CHOICES, noise=noise)
    first, second = layer(training=True).numpy(), layer(training=True).numpy()
    assert first.shape == (ROWS, CHOICES)
    np.testing.assert_allclose(first.sum(axis=1), 1.0, atol=1e-6)
    assert (first >= 0).all()
    assert np.abs(first - second).max() > 1e-3
    assert np.abs(first[0] - first[1]).max() > 1e-3, "rows must be independent"


def test_argmax_follows_the_gumbel_max_distribution():
    probabilities = np.array([0.5, 0.3, 0.2])
    layer = layer_with(np.log(probabilities)[None, :])
    draw = tf.function(lambda: layer(training=True))
    winners = np.array([np.argmax(draw()[0]) for _ in range(2000)])
    frequency = np.bincount(winners, minlength=3) / len(winners)
    # Four standard deviations of a frequency out of 2,000.
    np.testing.assert_allclose(frequency, probabilities, atol=4 * np.sqrt(0.25 / 2000))


def test_normal_noise_is_not_gumbel_noise():
    layer = GumbelSoftmax(200, 101, noise="normal")
    layer.temperature.assign(1.0)
    noise = np.log(layer(training=True).numpy())
    noise -= noise.mean(axis=1, keepdims=True)
    # Standard normal noise has standard deviation 1, standard Gumbel noise pi / sqrt(6) = 1.28.
    assert noise.std() == pytest.approx(1.0, abs=0.05)


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=2, max_size=2).map(
        lambda rows: np.array(rows, "float32")
    )
)
def test_inference_is_one_hot_at_the_first_largest_logit(logits):
    layer = layer_with(logits)
    weights = layer(training=False).numpy()
    np.testing.assert_array_equal(weights, np.eye(3)[logits.argmax(axis=1)])
    np.testing.assert_array_equal(weights, layer().numpy(), "inference must be the default")


def test_temperature_is_read_at_every_call_of_a_traced_function():
    layer = layer_with([[4.0, 0.0]])
    draw = tf.function(lambda: layer(training=True))
    layer.temperature.assign(1e-3)
    cold = np.array([draw()[0] for _ in range(20)])
    assert np.minimum(cold, 1 - cold).max() < 0.01
    layer.temperature.assign(1e3)
    warm = np.array([draw()[0] for _ in range(20)])
    assert np.abs(warm - 0.5).max() < 0.05


def test_temperature_is_not_a_trainable_variable():
    layer = GumbelSoftmax(ROWS, CHOICES)
    assert [v.path for v in layer.trainable_variables] == [layer.logits.path]
    assert float(layer.temperature) == 5.0


@pytest.mark.parametrize(("rows", "choices"), [(0, 2), (2, 0)])
def test_refuses_no_rows_or_choices(rows, choices):
    with pytest.raises(ValueError, match="at least 1"):
        GumbelSoftmax(rows, choices)


def test_refuses_unknown_noise():
    with pytest.raises(ValueError, match="uniform"):
        GumbelSoftmax(1, 2, noise="uniform")
