"""BatchNormalization against NumPy float64, and frozen statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers import BatchNormalization, frozen_statistics

SHAPE = (3, 5, 7, 2)
EPSILON = 1e-5


def features():
    return np.random.default_rng(0).normal(3.0, 2.0, size=SHAPE).astype("float32")


def layer_with_parameters(momentum=0.9):
    layer = BatchNormalization(momentum=momentum, epsilon=EPSILON)
    layer.build(SHAPE)
    layer.gamma.assign([1.5, -0.5])
    layer.beta.assign([0.25, 4.0])
    return layer


def test_training_normalises_by_the_batch():
    inputs = features()
    outputs = layer_with_parameters()(inputs, training=True)
    x = inputs.astype("float64")
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + EPSILON) * [1.5, -0.5] + [0.25, 4.0]
    # float32 sums over 105 values.
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_moving_statistics_use_bessels_correction_as_pytorch_does():
    layer = layer_with_parameters(momentum=0.9)
    layer(features(), training=True)
    x = features().astype("float64").reshape(-1, 2)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-5)


def test_inference_uses_the_moving_statistics():
    layer = layer_with_parameters()
    layer.moving_mean.assign([1.0, 2.0])
    layer.moving_variance.assign([4.0, 9.0])
    expected = (features() - [1.0, 2.0]) / np.sqrt(np.array([4.0, 9.0]) + EPSILON)
    outputs = layer(features(), training=False)
    np.testing.assert_allclose(outputs, expected * [1.5, -0.5] + [0.25, 4.0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("traced", [False, True])
def test_frozen_statistics_do_not_move_but_the_batch_still_normalises(traced):
    layer, free = layer_with_parameters(), layer_with_parameters()

    def call():
        with frozen_statistics():
            return layer(features(), training=True)

    outputs = (tf.function(call) if traced else call)()
    np.testing.assert_array_equal(layer.moving_mean, [0.0, 0.0])
    np.testing.assert_array_equal(layer.moving_variance, [1.0, 1.0])
    np.testing.assert_array_equal(outputs, free(features(), training=True))
    layer(features(), training=True)
    assert np.abs(layer.moving_mean).max() > 0, "frozen statistics must end with the block"


def test_statistics_thaw_after_an_error():
    layer = layer_with_parameters()
    with pytest.raises(RuntimeError, match="inside"), frozen_statistics():
        raise RuntimeError("inside")
    layer(features(), training=True)
    assert np.abs(layer.moving_mean).max() > 0


def test_gradients_equal_those_of_keras_layer():
    ours, theirs = layer_with_parameters(), keras.layers.BatchNormalization(epsilon=EPSILON)
    theirs.build(SHAPE)
    theirs.gamma.assign(ours.gamma)
    theirs.beta.assign(ours.beta)
    gradients = []
    for layer in (ours, theirs):
        inputs = tf.constant(features())
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(tf.sin(layer(inputs, training=True)))
        gradients.append(tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value]))
    for mine, other in zip(*gradients, strict=True):
        # Two float32 orders of summation.
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)
