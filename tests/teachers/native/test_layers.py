import keras
import numpy as np
import pytest

from teachers.native.layers import SeededLayers

SIZE = (7, 10)  # odd and even: the two cases in which SAME padding differs


@pytest.fixture
def layers():
    return SeededLayers(seed=3, batch_norm_momentum=0.8)


def apply(write, features):
    inputs = keras.Input(features.shape[1:])
    return np.asarray(keras.Model(inputs, write(inputs))(features.astype(np.float32)))


def windows(padded, size, stride):
    """Returns [N, height, width, C, size, size] of an image padded already."""
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return views[:, ::stride, ::stride]


def test_convolutions_have_no_bias(layers):
    inputs = keras.Input((*SIZE, 3))
    model = keras.Model(inputs, layers.convolution(inputs, 5, 3, 2, "some"))
    assert model.output_shape == (None, 4, 5, 5)
    assert [weight.name for weight in model.weights] == ["kernel"]


def test_max_pool_pads_by_what_never_wins(layers, generator):
    features = -1 - generator.random((2, *SIZE, 3))
    padded = np.pad(
        features, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.finfo(np.float64).min
    )
    wanted = windows(padded, 3, 2).max(axis=(-2, -1))
    computed = apply(lambda inputs: layers.max_pool(inputs, "some"), features)
    np.testing.assert_allclose(computed, wanted, rtol=1e-6)


def test_batch_norm_has_pytorchs_epsilon_and_the_momentum_given(layers):
    layer = layers.batch_norm(keras.Input((*SIZE, 3)), "some")._keras_history.operation
    assert (layer.name, layer.epsilon, layer.momentum) == ("some_bn", 1e-5, 0.8)


def test_logits_are_a_mean_and_a_dense_layer(layers, generator):
    features = generator.standard_normal((2, *SIZE, 5))
    inputs = keras.Input((*SIZE, 5))
    model = keras.Model(inputs, layers.logits(inputs, 997))
    kernel, bias = model.get_layer("logits").get_weights()
    wanted = features.mean(axis=(1, 2)) @ kernel + bias
    np.testing.assert_allclose(model(features.astype(np.float32)), wanted, atol=1e-6)
    assert not bias.any()


def test_seeds_come_from_the_network_and_the_name():
    def kernel(seed, name):
        features = SeededLayers(seed, 0.9).convolution(keras.Input((5, 7, 3)), 2, 3, 1, name)
        return features._keras_history.operation.get_weights()[0].tobytes()

    assert kernel(1, "some") == kernel(1, "some")
    assert len({kernel(1, "some"), kernel(2, "some"), kernel(1, "other")}) == 3
