"""SAME padding against TensorFlow's own convolution."""

import itertools

import numpy as np
import tensorflow as tf

from teachers.same_padding import same_padding


def test_padding_by_hand_is_tensorflow_s_same():
    generator = np.random.default_rng(0)
    for size, kernel, stride, dilation in itertools.product(
        (5, 7, 11), (1, 2, 3, 5), (1, 2, 3), (1, 2)
    ):
        if stride > 1 and dilation > 1:
            continue  # TensorFlow has no such convolution
        before, after = same_padding(size, kernel, stride, dilation)
        assert after - before in (0, 1)
        images = generator.normal(size=(1, size, 3)).astype(np.float32)
        kernels = generator.normal(size=(kernel, 3, 2)).astype(np.float32)
        wanted = tf.nn.conv1d(images, kernels, stride, "SAME", dilations=dilation)
        padded = np.pad(images, ((0, 0), (before, after), (0, 0)))
        found = tf.nn.conv1d(padded, kernels, stride, "VALID", dilations=dilation)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
