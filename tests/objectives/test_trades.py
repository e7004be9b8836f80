"""The TRADES loss and its gradients against NumPy float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.objectives.trades import prediction_divergence, trades_loss

BATCH, CLASSES = 5, 7
LABELS = np.array([0, 6, 3, 3, 1])


def logits(seed, scale=3.0):
    return np.random.default_rng(seed).normal(scale=scale, size=(BATCH, CLASSES)).astype("float32")


def softmax(values):
    exponentials = np.exp(values.astype("float64") - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_divergence_is_clean_over_adversarial_for_every_image():
    p, q = softmax(logits(0)), softmax(logits(1))
    expected = (p * np.log(p / q)).sum(axis=1)
    np.testing.assert_allclose(prediction_divergence(logits(0), logits(1)), expected, rtol=1e-5)
    swapped = (q * np.log(q / p)).sum(axis=1)
    assert abs(swapped - expected).min() > 0.01, "the test must tell the two orders apart"


@pytest.mark.parametrize("beta", [0.0, 1.0, 6.0])
def test_loss_is_clean_cross_entropy_plus_beta_times_the_mean_divergence(beta):
    p, q = softmax(logits(0)), softmax(logits(1))
    task = -np.log(p[np.arange(BATCH), LABELS]).mean()
    divergence = (p * np.log(p / q)).sum(axis=1).mean()
    terms = trades_loss(LABELS, logits(0), logits(1), beta)
    assert float(terms.cross_entropy) == pytest.approx(task, rel=1e-5)
    assert float(terms.adversarial_divergence) == pytest.approx(divergence, rel=1e-5)
    assert float(terms.loss) == pytest.approx(task + beta * divergence, rel=1e-5)


def test_gradient_flows_through_both_predictions():
    clean, adversarial = tf.constant(logits(0)), tf.constant(logits(1))
    with tf.GradientTape() as tape:
        tape.watch([clean, adversarial])
        loss = trades_loss(LABELS, clean, adversarial, 6.0).loss
    clean_gradient, adversarial_gradient = tape.gradient(loss, [clean, adversarial])
    p, q = softmax(logits(0)), softmax(logits(1))
    ratio = np.log(p / q)
    mean_ratio = (p * ratio).sum(axis=1, keepdims=True)
    through_clean = p - np.eye(CLASSES)[LABELS] + 6.0 * p * (ratio - mean_ratio)
    # Float32 sums of terms up to 30.
    np.testing.assert_allclose(clean_gradient, through_clean / BATCH, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(adversarial_gradient, 6.0 * (q - p) / BATCH, rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_divergence_is_never_negative_and_zero_with_its_gradient_at_the_clean_image(seed, scale):
    clean = tf.constant(logits(seed, scale))
    assert prediction_divergence(clean, logits(seed + 1, scale)).numpy().min() >= -1e-5
    with tf.GradientTape() as tape:
        tape.watch(clean)
        same = prediction_divergence(tf.stop_gradient(clean), clean)
    np.testing.assert_array_equal(same, 0.0)
    # Not exactly zero as computed: p - p (sum p), and sum p rounds.
    np.testing.assert_allclose(tape.gradient(same, clean), 0.0, atol=1e-6)


def test_extreme_logits_stay_finite():
    sure, wrong = np.array([[1000.0, 0.0]]), np.array([[0.0, 1000.0]])
    assert float(prediction_divergence(sure, wrong)[0]) == pytest.approx(1000.0)
