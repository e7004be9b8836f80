"""The inverted residual block of the student (DESIGN section 4; Sandler et al. 2018).

1x1 conv to expansion * C_in, BN, activation -> depthwise 3x3, BN, activation -> 1x1 conv, BN.
Every convolution has a bias; strided ones pad by one on each side, as PyTorch does.
"""

import math

import keras

from rnascl_tf.layers.activation import activate
from rnascl_tf.layers.batch_normalization import BatchNormalization

BATCH_NORM_EPSILON = 1e-5


def he_normal_fan_out(kernel_size, filters, seed):
    """Returns He et al.'s normal initialiser, N(0, 2 / (kernel_size^2 * filters)).

    PyTorch counts a depthwise convolution's fan out over all its filters; Keras would count one.
    """
    deviation = math.sqrt(2.0 / (kernel_size**2 * filters))
    return keras.initializers.RandomNormal(stddev=deviation, seed=seed)


def normalized(features, name, momentum, activation=None):
    """Batch normalisation, then an activation of `layers.activation`; None: linear."""
    features = BatchNormalization(momentum=momentum, epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn")(
        features
    )
    return features if activation is None else activate(features, activation, f"{name}_act")


def convolution(features, filters, kernel_size, stride, name, seed):
    """A convolution with bias and PyTorch's symmetric padding."""
    padding = "same"
    if stride > 1 and kernel_size > 1:
        features = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(features)
        padding = "valid"
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        kernel_initializer=he_normal_fan_out(kernel_size, filters, seed),
        name=f"{name}_conv",
    )(features)


def depthwise(features, stride, name, seed):
    """A depthwise 3x3 convolution with bias and PyTorch's symmetric padding."""
    padding = "same"
    if stride > 1:
        features = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(features)
        padding = "valid"
    return keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding=padding,
        depthwise_initializer=he_normal_fan_out(3, features.shape[-1], seed),
        name=f"{name}_conv",
    )(features)


def inverted_residual(features, filters, stride, expansion, name, *, momentum, seed, activation):
    """Adds one block to a functional network.

    Args:
        features: Keras tensor [batch, height, width, C_in].
        filters: C_out, the block's output channels.
        stride: 1 or 2, of the depthwise convolution.
        expansion: e; hidden channels are e * C_in. At 1 there is no expanding convolution.
        name: prefix of the layers' names.
        momentum: of batch normalisation, in Keras' convention.
        seed: integer from which the block's initialisers are seeded.
        activation: one of `ACTIVATIONS`, behind the first two convolutions.

    Returns:
        The block's output [batch, height / stride, width / stride, filters], with the input added
        when stride is 1 and C_in = C_out; and its taps in order: the features after each
        convolution's batch norm (and activation where it has one), the last before the addition.
    """
    taps = {}
    hidden = features
    if expansion != 1:
        hidden_filters = expansion * features.shape[-1]
        hidden = convolution(hidden, hidden_filters, 1, 1, f"{name}_expand", seed)
        hidden = normalized(hidden, f"{name}_expand", momentum, activation)
        taps[f"{name}_expand"] = hidden
    hidden = depthwise(hidden, stride, f"{name}_depthwise", seed + 1)
    hidden = normalized(hidden, f"{name}_depthwise", momentum, activation)
    taps[f"{name}_depthwise"] = hidden
    output = convolution(hidden, filters, 1, 1, f"{name}_project", seed + 2)
    output = normalized(output, f"{name}_project", momentum)
    taps[f"{name}_project"] = output
    if stride == 1 and features.shape[-1] == filters:
        output = keras.layers.Add(name=f"{name}_add")([features, output])
    return output, taps
