"""Convolutions pad half a kernel on every side, as PyTorch's; their weights start as He's."""

import keras
import numpy as np
import pytest

from rnascl_tf.layers import PointwiseConvolution
from rnascl_tf.layers.convolutions import convolution, depthwise_convolution

SIZE = (7, 10)  # odd and even: the two cases in which SAME padding differs
CHANNELS = 3


@pytest.fixture
def features():
    return np.random.default_rng(5).standard_normal((2, *SIZE, CHANNELS))


def windows(features, size, stride):
    """Returns [N, height, width, C, size, size] of features padded by half a kernel."""
    half = size // 2
    padded = np.pad(features, ((0, 0), (half, half), (half, half), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return views[:, ::stride, ::stride]


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_pads_half_a_kernel_on_every_side(kernel_size, stride, use_bias, features):
    inputs = keras.Input((*SIZE, CHANNELS))
    outputs = convolution(inputs, 5, kernel_size, stride, "some", 1, use_bias=use_bias)
    model = keras.Model(inputs, outputs)
    layer = model.get_layer("some_conv")
    # The faster form wherever it may stand in.
    assert isinstance(layer, PointwiseConvolution) == (kernel_size == stride == 1)
    bias = 0.0
    if use_bias:
        assert not layer.bias.numpy().any()
        bias = np.arange(5.0)
        layer.bias.assign(bias)
    kernel = layer.kernel.numpy()
    wanted = np.einsum("nhwcij,ijcf->nhwf", windows(features, kernel_size, stride), kernel) + bias
    np.testing.assert_allclose(model(features.astype(np.float32)), wanted, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolution_pads_one_pixel_on_every_side(stride, features):
    inputs = keras.Input((*SIZE, CHANNELS))
    model = keras.Model(inputs, depthwise_convolution(inputs, stride, "some", 1))
    layer = model.get_layer("some_conv")
    assert not layer.bias.numpy().any()
    layer.bias.assign(bias := np.arange(3.0))
    kernel = layer.kernel.numpy()[..., 0]
    wanted = np.einsum("nhwcij,ijc->nhwc", windows(features, 3, stride), kernel) + bias
    np.testing.assert_allclose(model(features.astype(np.float32)), wanted, atol=1e-5)


def test_fan_out_of_each_kernel():
    inputs = keras.Input((4, 4, 61))
    hidden = convolution(inputs, 366, 1, 1, "expand", 1)
    hidden = depthwise_convolution(hidden, 1, "depthwise", 2)
    model = keras.Model(inputs, convolution(hidden, 59, 3, 1, "project", 3))
    for name, fan_out in (("expand", 366), ("depthwise", 9 * 366), ("project", 9 * 59)):
        kernel = model.get_layer(f"{name}_conv").kernel.numpy()
        # Over 3,000 draws, so the standard deviation is known to a few percent.
        assert kernel.std() == pytest.approx(np.sqrt(2 / fan_out), rel=0.06), name
