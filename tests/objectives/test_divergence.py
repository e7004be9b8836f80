"""KL and cross-entropy against NumPy float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.objectives import cross_entropy, kl_divergence, smoothed_labels

BATCH, CLASSES = 5, 7


def logits(seed, scale=3.0):
    return np.random.default_rng(seed).normal(scale=scale, size=(BATCH, CLASSES)).astype("float32")


def softmax(values):
    exponentials = np.exp(values.astype("float64") - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_kl_is_student_over_teacher_summed_over_classes_mean_over_the_batch():
    p, q = softmax(logits(0)), softmax(logits(1))
    expected = (p * np.log(p / q)).sum(axis=1).mean()
    assert float(kl_divergence(logits(0), logits(1))) == pytest.approx(expected, rel=1e-5)
    swapped = (q * np.log(q / p)).sum(axis=1).mean()
    assert abs(swapped - expected) > 0.1, "the test must tell the two orders apart"


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_kl_is_never_negative_and_zero_for_equal_logits(seed, scale):
    assert float(kl_divergence(logits(seed, scale), logits(seed + 1, scale))) >= -1e-5
    assert float(kl_divergence(logits(seed, scale), logits(seed, scale))) == pytest.approx(
        0, abs=1e-6
    )


def test_kl_of_extreme_logits_is_finite():
    sure, wrong = np.array([[1000.0, 0.0]]), np.array([[0.0, 1000.0]])
    assert float(kl_divergence(sure, wrong)) == pytest.approx(1000.0)


def test_cross_entropy():
    labels = np.array([0, 6, 3, 3, 1])
    expected = -np.log(softmax(logits(2))[np.arange(BATCH), labels]).mean()
    assert float(cross_entropy(labels, logits(2))) == pytest.approx(expected, rel=1e-5)


def test_the_teacher_may_stand_first():
    p, q = softmax(logits(0)), softmax(logits(1))
    expected = (q * np.log(q / p)).sum(axis=1).mean()
    assert float(kl_divergence(logits(0), logits(1), first="teacher")) == pytest.approx(
        expected, rel=1e-5
    )


def test_cross_entropy_of_smoothed_labels():
    labels, smoothing = np.array([0, 6, 3, 3, 1]), 0.3
    targets = smoothed_labels(labels, CLASSES, smoothing)
    wanted = (1 - smoothing) * np.eye(CLASSES)[labels] + smoothing / CLASSES
    np.testing.assert_allclose(targets, wanted, rtol=1e-6)
    expected = -(wanted * np.log(softmax(logits(2)))).sum(axis=1).mean()
    assert float(cross_entropy(targets, logits(2))) == pytest.approx(expected, rel=1e-5)
