"""TutorSelection: shape, entropy against NumPy float64."""

import numpy as np
import pytest

from rnascl_tf.layers import TutorSelection

STUDENT_LAYERS, TEACHER_LAYERS = 3, 5


def test_one_vector_of_teacher_layers_for_each_student_layer():
    layer = TutorSelection(STUDENT_LAYERS, TEACHER_LAYERS)
    weights = layer(training=True)
    assert weights.shape == (STUDENT_LAYERS, TEACHER_LAYERS)
    np.testing.assert_allclose(weights.numpy().sum(axis=1), 1.0, atol=1e-6)


def test_entropy_of_nothing_learnt_is_log_n_t():
    layer = TutorSelection(STUDENT_LAYERS, TEACHER_LAYERS)
    assert float(layer.entropy()) == pytest.approx(np.log(TEACHER_LAYERS), rel=1e-6)


def test_entropy_against_numpy():
    logits = np.random.default_rng(1).normal(scale=3, size=(STUDENT_LAYERS, TEACHER_LAYERS))
    layer = TutorSelection(STUDENT_LAYERS, TEACHER_LAYERS)
    layer.logits.assign(logits)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert float(layer.entropy()) == pytest.approx(-(p * np.log(p)).sum(axis=1).mean(), rel=1e-5)


def test_entropy_of_a_decided_tutor_is_zero_and_finite():
    layer = TutorSelection(1, TEACHER_LAYERS)
    layer.logits.assign([[300.0, 0, 0, 0, 0]])
    assert float(layer.entropy()) == pytest.approx(0.0, abs=1e-6)
