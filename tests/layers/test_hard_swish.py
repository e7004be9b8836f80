"""Hard-swish: Keras' values, and a gradient written by hand that must be the function's own."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers import HardSwish
from rnascl_tf.layers.hard_swish import hard_swish_in_one_pass

# Both kinks, both flat sides, and what lies between.
POINTS = np.array([-7.0, -3.1, -2.9, -1.5, -0.3, 0.0, 0.3, 1.5, 2.9, 3.1, 7.0])


def test_values_are_x_relu6_of_x_plus_3_over_6():
    found = HardSwish()(tf.constant(POINTS, tf.float32))
    wanted = POINTS * np.clip(POINTS + 3, 0, 6) / 6
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def gradient(activation, points, upstream):
    points = tf.constant(points, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(points)
        loss = tf.reduce_sum(activation(points) * tf.constant(upstream, tf.float32))
    return tape.gradient(loss, points).numpy()


def test_gradient():
    upstream = np.linspace(-2, 3, len(POINTS))
    slope = np.where(POINTS < -3, 0, np.where(POINTS > 3, 1, (2 * POINTS + 3) / 6))
    found = gradient(HardSwish(), POINTS, upstream)
    np.testing.assert_allclose(found, upstream * slope, rtol=1e-5, atol=1e-6)


def test_gradient_at_the_kinks_is_that_of_keras():
    kinks, upstream = np.array([-3.0, 3.0]), np.array([2.0, 5.0])
    wanted = gradient(keras.activations.hard_silu, kinks, upstream)
    np.testing.assert_allclose(gradient(HardSwish(), kinks, upstream), wanted, atol=1e-6)


def test_has_a_second_derivative():
    points = tf.constant([-1.0, 0.5, 5.0])
    with tf.GradientTape() as outer:
        outer.watch(points)
        with tf.GradientTape() as inner:
            inner.watch(points)
            outputs = HardSwish()(points)
        slope = inner.gradient(outputs, points)
    np.testing.assert_allclose(outer.gradient(slope, points), [1 / 3, 1 / 3, 0], atol=1e-6)


def test_in_one_pass_is_the_same_function():
    points = np.random.default_rng(0).normal(scale=4.0, size=(7, 5, 3, 11))
    upstream = np.random.default_rng(1).normal(size=points.shape)
    kinks = np.array([-3.0, 0.0, 3.0])
    for values, scale in ((points, upstream), (kinks, np.array([2.0, 3.0, 5.0]))):
        tensor = tf.constant(values, tf.float32)
        np.testing.assert_allclose(hard_swish_in_one_pass(tensor), HardSwish()(tensor), atol=1e-6)
        np.testing.assert_allclose(
            gradient(hard_swish_in_one_pass, values, scale),
            gradient(HardSwish(), values, scale),
            rtol=1e-5,
            atol=1e-6,
        )


def test_in_one_pass_inside_a_graph_of_any_batch():
    @tf.function(input_signature=[tf.TensorSpec((None, 5, 3), tf.float32)])
    def graph(features):
        outputs = hard_swish_in_one_pass(features)
        assert outputs.shape[1:] == (5, 3)
        return outputs

    for rows in (2, 7, 11):
        features = tf.random.stateless_normal((rows, 5, 3), (0, rows))
        np.testing.assert_allclose(graph(features), HardSwish()(features), atol=1e-6)


@pytest.mark.parametrize("function", [HardSwish(), hard_swish_in_one_pass])
def test_the_graphs_that_differentiate_it_are_freed(function):
    def slopes(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            outputs = function(features)
        return tape.gradient(outputs, features)

    traced = tf.function(slopes, autograph=False)
    graph = weakref.ref(traced.get_concrete_function(tf.TensorSpec((2, 3))).graph)
    del traced
    gc.collect()
    assert graph() is None
