"""Eq. 1 against NumPy float64 with loops over the pairs."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.objectives import attention_loss, pairwise_distances

BATCH, STUDENT, TEACHER, PIXELS = 2, 3, 5, 7


def unit_maps(layers, seed, batch=BATCH):
    maps = np.random.default_rng(seed).random((batch, layers, PIXELS))
    return maps / np.linalg.norm(maps, axis=-1, keepdims=True)


def weights(seed=3):
    rows = np.random.default_rng(seed).random((STUDENT, TEACHER))
    return rows / rows.sum(axis=1, keepdims=True)


def reference(student, teacher, gates):
    total = 0.0
    for sample in range(len(student)):
        for i in range(student.shape[1]):
            for j in range(teacher.shape[1]):
                difference = student[sample, i] - teacher[sample, j]
                total += gates[i, j] * np.sqrt((difference**2).sum())
    return total / (len(student) * student.shape[1] * teacher.shape[1])


def float32(*arrays):
    return [tf.constant(array, tf.float32) for array in arrays]


def test_equals_the_loop_over_all_pairs():
    student, teacher, gates = unit_maps(STUDENT, 0), unit_maps(TEACHER, 1), weights()
    loss = attention_loss(*float32(student, teacher, gates))
    np.testing.assert_allclose(loss, reference(student, teacher, gates), rtol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_distances_of_any_maps(seed, closeness):
    student = unit_maps(TEACHER, seed)
    teacher = closeness * student + (1 - closeness) * unit_maps(TEACHER, seed + 1)
    teacher /= np.linalg.norm(teacher, axis=-1, keepdims=True)
    distances = pairwise_distances(*float32(student, teacher)).numpy()
    expected = np.linalg.norm(student[:, :, None] - teacher[:, None, :], axis=-1)
    # float32 cancellation in 2 - 2<a, b> leaves about 5e-4 near zero (docs/design.md, "The method").
    np.testing.assert_allclose(distances, expected, atol=8e-4)
    assert distances.max() <= np.sqrt(2) + 1e-5, "maps of squares are never further apart"


def test_gradient_is_finite_where_maps_are_equal_or_zero():
    student = tf.constant(
        np.concatenate([unit_maps(2, 0), np.zeros((BATCH, 1, PIXELS))], 1), "float32"
    )
    teacher = tf.concat([student[:, :2], unit_maps(3, 1).astype("float32")], axis=1)
    gates = tf.ones((3, TEACHER)) / TEACHER
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = attention_loss(student, teacher, gates)
    assert np.isfinite(tape.gradient(loss, student)).all()


def test_a_zero_map_is_at_distance_one_of_any_unit_map():
    zero = np.zeros((BATCH, 1, PIXELS))
    distances = pairwise_distances(*float32(zero, unit_maps(TEACHER, 1))).numpy()
    np.testing.assert_allclose(distances, 1.0, rtol=1e-6)


def test_gradient_of_the_gates_is_the_mean_distance_of_each_pair():
    """What the authors' released code lacks: each tutor's weight feels its own distance."""
    student, teacher, gates = float32(unit_maps(STUDENT, 0), unit_maps(TEACHER, 1), weights())
    with tf.GradientTape() as tape:
        tape.watch(gates)
        loss = attention_loss(student, teacher, gates)
    expected = np.linalg.norm(
        unit_maps(STUDENT, 0)[:, :, None] - unit_maps(TEACHER, 1)[:, None], axis=-1
    )
    expected = expected.mean(axis=0) / (STUDENT * TEACHER)
    np.testing.assert_allclose(tape.gradient(loss, gates), expected, rtol=1e-4)
