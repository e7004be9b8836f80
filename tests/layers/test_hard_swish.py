"""Hard-swish: Keras' values, and a gradient written by hand that must be the function's own."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers import HardSwish, hard_swish
from rnascl_tf.layers.hard_swish import fast_hard_swish, hard_swish_in_one_pass

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


def compiles(function, shape, **options):
    """Whether XLA compiles something of a function of such features."""
    traced = tf.function(lambda features: function(features, **options), autograph=False)
    graph = traced.get_concrete_function(tf.TensorSpec(shape)).graph.as_graph_def()
    return any("_XlaMustCompile" in found.attr for found in graph.library.function)


@pytest.mark.parametrize(
    ("shape", "large"),
    [
        ((127, 32, 16, 16), False),
        ((128, 32, 16, 16), True),
        # As many as the paper's batch has, where the batch is not known.
        ((None, 32, 16, 16), True),
        ((None, 32, 16, 15), False),
        ((2**20,), True),
    ],
)
def test_large_features_are_compiled_in_training_alone(shape, large):
    layer = HardSwish()
    assert compiles(fast_hard_swish, shape) == large
    assert compiles(layer, shape, training=True) == large
    assert not compiles(layer, shape, training=False)
    assert not compiles(layer, shape)


def test_training_mode_is_the_same_function(monkeypatch):
    layer = HardSwish()
    upstream = np.linspace(-2, 3, len(POINTS))
    wanted = layer(tf.constant(POINTS, tf.float32)), gradient(layer, POINTS, upstream)
    for one_pass_from in (0, 2**20):
        monkeypatch.setattr(hard_swish, "ONE_PASS_FROM", one_pass_from)

        def training(features):
            return layer(features, training=True)

        assert compiles(layer, POINTS.shape, training=True) == (one_pass_from == 0)
        np.testing.assert_allclose(
            training(tf.constant(POINTS, tf.float32)), wanted[0], rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose(
            gradient(training, POINTS, upstream), wanted[1], rtol=1e-5, atol=1e-6
        )


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
