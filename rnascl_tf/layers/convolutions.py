"""Convolutions with PyTorch's padding and He's initial weights, for students and native teachers.

PyTorch pads both sides by half a kernel. TensorFlow's SAME does so at stride 1 only: at stride 2 it
pads even sizes at their end alone, so a layer of its own pads there.
"""

import keras

from rnascl_tf.layers.initializers import he_normal_fan_out
from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution


def convolution(
    features: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    stride: int,
    name: str,
    seed: int,
    *,
    use_bias: bool = True,
) -> keras.KerasTensor:
    """Adds a convolution to a functional network: `{name}_conv`, and `{name}_pad` where it needs one.

    Args:
        features: [batch, height, width, channels].
        filters: output channels.
        kernel_size: pixels per side, odd.
        stride: pixels between two positions.
        name: prefix of the layers' names.
        seed: of the kernel's initializer.
        use_bias: whether it has a bias, which starts at zero.

    Returns:
        [batch, height / stride, width / stride, filters], sizes rounded up.
    """
    features, padding = _padded(features, kernel_size, stride, name)
    layer_class = PointwiseConvolution if kernel_size == stride == 1 else keras.layers.Conv2D
    return layer_class(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=he_normal_fan_out(kernel_size, filters, seed),
        name=f"{name}_conv",
    )(features)


def depthwise_convolution(
    features: keras.KerasTensor, stride: int, name: str, seed: int
) -> keras.KerasTensor:
    """Adds a depthwise 3x3 convolution with bias; arguments and layers as for `convolution`."""
    features, padding = _padded(features, 3, stride, name)
    return keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding=padding,
        depthwise_initializer=he_normal_fan_out(3, features.shape[-1], seed),
        name=f"{name}_conv",
    )(features)


def _padded(
    features: keras.KerasTensor, kernel_size: int, stride: int, name: str
) -> tuple[keras.KerasTensor, str]:
    """Returns what the convolution reads, and its own `padding`."""
    if stride == 1 or kernel_size == 1:
        return features, "same"
    padding = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")
    return padding(features), "valid"
