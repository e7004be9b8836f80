"""Initial weights of students and native teachers, as PyTorch's networks draw them."""

import math

import keras


def he_normal_fan_out(kernel_size: int, filters: int, seed: int) -> keras.initializers.Initializer:
    """Returns He et al.'s normal initializer, N(0, 2 / (kernel_size^2 * filters)).

    PyTorch counts a depthwise convolution's fan-out over all its filters; Keras would count one.
    """
    std = math.sqrt(2.0 / (kernel_size**2 * filters))
    return keras.initializers.RandomNormal(stddev=std, seed=seed)


def dense_normal(seed: int) -> keras.initializers.Initializer:
    """Returns the initializer of every final dense layer, N(0, 0.01^2)."""
    return keras.initializers.RandomNormal(stddev=0.01, seed=seed)
