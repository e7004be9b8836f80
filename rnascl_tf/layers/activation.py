"""The activations that a student may have, by the names of `search.activation`.

The paper's is hard-swish. The other two are for the edge: TFLite's int8 kernels fuse them into the
convolution before, but an int8 HARD_SWISH is not delegated to XNNPACK.
See docs/design.md, "Measured on this stack".
"""

import functools
from collections.abc import Callable

import keras

from rnascl_tf.layers.hard_swish import HardSwish

ACTIVATIONS: dict[str, Callable[..., keras.layers.Layer]] = {
    "hard_swish": HardSwish,
    "relu6": functools.partial(keras.layers.ReLU, max_value=6.0),
    "relu": keras.layers.ReLU,
}
"""Constructors of the layers, each called with the layer's `name`."""


def activate(features: keras.KerasTensor, activation: str, name: str) -> keras.KerasTensor:
    """Adds an activation to a functional network.

    Args:
        features: of any shape.
        activation: one of `ACTIVATIONS`.
        name: the layer's name.

    Returns:
        The activations, of the same shape.

    Raises:
        ValueError: the activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"unknown activation {activation!r}: give one of {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[activation](name=name)(features)
