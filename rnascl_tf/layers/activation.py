"""The activations that a student may have, by the names of `search.activation`.

The paper's is hard-swish. The other two are for the edge: TFLite's int8 kernels fuse them into the
convolution before, whereas an int8 HARD_SWISH is not delegated to XNNPACK (DESIGN section 6).
"""

import functools

import keras

from rnascl_tf.layers.hard_swish import HardSwish

ACTIVATIONS = {
    "hard_swish": HardSwish,
    "relu6": functools.partial(keras.layers.ReLU, max_value=6.0),
    "relu": keras.layers.ReLU,
}
"""Constructors of the layers, each called with the layer's `name`."""


def activate(features, activation, name):
    """Adds an activation to a functional network.

    Args:
        features: Keras tensor of any shape.
        activation: one of `ACTIVATIONS`.
        name: the layer's name.

    Returns:
        A Keras tensor of the same shape.

    Raises:
        ValueError: the activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"unknown activation {activation!r}: give one of {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[activation](name=name)(features)
