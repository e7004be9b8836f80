"""Running means of loss terms, over steps of training and over examples of validation."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.objectives import Terms
from rnascl_tf.training.metrics import TermMeans, active_terms


@pytest.mark.parametrize(
    ("kl", "attention", "names"),
    [
        (True, True, ("loss", "cross_entropy", "divergence", "attention")),
        (True, False, ("loss", "cross_entropy", "divergence")),
        (False, True, ("loss", "cross_entropy", "attention")),
        (False, False, ("loss", "cross_entropy")),
    ],
)
def test_terms_are_those_that_the_controls_leave(kl, attention, names):
    assert active_terms(kl, attention) == names


def terms(**values):
    zeros = dict.fromkeys(Terms.__annotations__, tf.constant(0.0))
    return Terms(**zeros | {name: tf.constant(value) for name, value in values.items()})


def test_means_are_over_steps_and_accuracy_over_examples():
    means = TermMeans("expected_macs", terms=("loss", "divergence"))
    logits = tf.constant([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    means.update(tf.constant([0, 1, 1]), logits, terms(loss=3.0, divergence=1.0))
    means.update(tf.constant([0]), logits[:1], terms(loss=5.0, divergence=2.0))
    means["expected_macs"].update_state(7.0)
    results = {name: float(value) for name, value in means.results().items()}
    assert results == {"loss": 4.0, "divergence": 1.5, "expected_macs": 7.0, "accuracy": 0.75}
    assert [metric.name for metric in means.all] == list(results)


def test_validation_weighs_examples_and_not_batches():
    means = TermMeans(terms=("loss", "cross_entropy"))
    logits = np.array([[2.0, 1.0], [0.0, 4.0], [3.0, 1.0]], np.float32)
    labels = np.array([0, 0, 1])
    exact = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(3), labels]
    means.evaluate(tf.constant(labels[:2]), tf.constant(logits[:2]))
    results = means.evaluate(tf.constant(labels[2:]), tf.constant(logits[2:]))
    assert float(results["cross_entropy"]) == pytest.approx(exact.mean(), rel=1e-6)
    assert float(results["accuracy"]) == pytest.approx(1 / 3)
