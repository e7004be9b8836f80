"""The matrix product is Keras' convolution, in values and in all gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution, is_pointwise

FEATURES = np.random.default_rng(0).normal(size=(2, 5, 3, 7)).astype("float32")


def run(layer, features=FEATURES):
    features = tf.convert_to_tensor(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = layer(features)
        loss = tf.reduce_sum(outputs * tf.cos(tf.range(tf.size(outputs[0, 0, 0]), dtype="float32")))
    sources = [features, *(variable.value for variable in layer.trainable_variables)]
    return [outputs, *tape.gradient(loss, sources)]


@pytest.mark.parametrize(
    "options", [{}, {"use_bias": False}, {"activation": "relu", "padding": "same"}]
)
def test_is_the_convolution(options):
    theirs = keras.layers.Conv2D(11, 1, bias_initializer="normal", **options)
    theirs.build(FEATURES.shape)
    assert is_pointwise(theirs)
    ours = PointwiseConvolution.from_config(theirs.get_config())
    ours.build(FEATURES.shape)
    ours.set_weights(theirs.get_weights())
    for found, wanted in zip(run(ours), run(theirs), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_any_number_of_images():
    layer = PointwiseConvolution(11, 1)
    layer.build(FEATURES.shape)

    @tf.function(input_signature=[tf.TensorSpec((None, 5, 3, 7), tf.float32)])
    def graph(features):
        outputs = layer(features)
        assert outputs.shape[1:] == (5, 3, 11)
        return outputs

    for count in (1, 2):
        np.testing.assert_allclose(graph(FEATURES[:count]), layer(FEATURES[:count]), rtol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        keras.layers.Conv2D(14, 3),
        keras.layers.Conv2D(14, (1, 3)),
        keras.layers.Conv2D(14, 1, strides=2),
        keras.layers.Conv2D(14, 1, groups=7),
        keras.layers.Conv2D(14, 1, data_format="channels_first"),
        keras.layers.DepthwiseConv2D(1),
        keras.layers.Dense(14),
    ],
)
def test_others_are_not_pointwise(other):
    assert not is_pointwise(other)
