"""The matrix product is Keras' convolution, in values and in all gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution, is_pointwise

FEATURES = np.random.default_rng(0).normal(size=(2, 5, 3, 7)).astype("float32")


def run(layer, **options):
    features = tf.convert_to_tensor(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = layer(features, **options)
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
    for training in (False, True):
        for found, wanted in zip(run(ours, training=training), run(theirs), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("always_product", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_what_is_exported_is_a_convolution(training, always_product):
    layer = PointwiseConvolution(11, 1, always_product=always_product)
    layer = PointwiseConvolution.from_config(layer.get_config())
    layer.build(FEATURES.shape)
    traced = tf.function(lambda features: layer(features, training=training), autograph=False)
    graph = traced.get_concrete_function(tf.TensorSpec(FEATURES.shape)).graph
    by = {operation.type for operation in graph.get_operations()} & {"Conv2D", "MatMul"}
    assert by == {"MatMul" if training or always_product else "Conv2D"}


def test_any_number_of_images():
    layer = PointwiseConvolution(11, 1)
    layer.build(FEATURES.shape)

    @tf.function(input_signature=[tf.TensorSpec((None, 5, 3, 7), tf.float32)])
    def graph(features):
        outputs = layer(features, training=True)
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


@pytest.mark.parametrize(
    "options",
    [{"kernel_size": 3}, {"strides": 2}, {"groups": 2}, {"data_format": "channels_first"}],
)
def test_other_convolutions_are_refused(options):
    with pytest.raises(ValueError, match=r"takes 1x1 kernels.*use keras\.layers\.Conv2D"):
        PointwiseConvolution(**{"filters": 14, "kernel_size": 1} | options)
