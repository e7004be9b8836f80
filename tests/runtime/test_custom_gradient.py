"""Gradients written by hand: right wherever they are asked for, and gone with their graph."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from rnascl_tf.runtime.custom_gradient import custom_gradient

POINTS = np.array([-2.0, 0.5, 3.0], np.float32)


@custom_gradient
def cubed(x):
    """x^3 with 7 times its slope, so that TensorFlow's own gradient would show."""
    return x * x * x, lambda upstream: upstream * 7.0 * 3.0 * x * x


def slopes(points, function=cubed):
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = function(points)
    return tape.gradient(values, points)


def in_a_loop(x):
    _, total = tf.while_loop(
        lambda i, _: i < 2, lambda i, total: (i + 1, total + cubed(x)), (0, tf.zeros_like(x))
    )
    return total


WAYS = {
    "eager": slopes,
    "inside a graph": tf.function(slopes, autograph=False),
    "of a graph": lambda x: slopes(x, tf.function(cubed, autograph=False)),
    "of a loop in a graph": lambda x: slopes(x, tf.function(in_a_loop, autograph=False)) / 2,
    "of a loop inside a graph": lambda x: tf.function(slopes, autograph=False)(x, in_a_loop) / 2,
}


@pytest.mark.parametrize("way", WAYS)
def test_gradient(way):
    np.testing.assert_allclose(WAYS[way](tf.constant(POINTS)), 21 * POINTS**2, rtol=1e-6)


def test_a_graph_that_is_differentiated_long_after_it_was_traced():
    traced = tf.function(cubed, autograph=False).get_concrete_function(tf.TensorSpec(3))
    gc.collect()
    np.testing.assert_allclose(slopes(tf.constant(POINTS), traced), 21 * POINTS**2, rtol=1e-6)


def test_second_derivative():
    points = tf.constant(POINTS)
    for function in (slopes, tf.function(slopes, autograph=False)):
        np.testing.assert_allclose(slopes(points, function), 42 * POINTS, rtol=1e-6)


def train():
    """Returns what must not outlive a training: a variable, and the graph that reads it."""
    scale = tf.Variable(POINTS)
    trained = tf.function(lambda points: slopes(points, lambda x: cubed(x * scale)))
    graph = trained.get_concrete_function(tf.TensorSpec(3)).graph
    return [weakref.ref(scale), weakref.ref(graph)]


def test_graph_and_variables_are_freed():
    gc.collect()
    registered = set(ops.gradient_registry.list())
    freed = train()
    gc.collect()
    assert [one() for one in freed] == [None, None]
    assert set(ops.gradient_registry.list()) == registered
