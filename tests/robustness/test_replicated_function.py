"""One trace for all batch sizes, and equal parts for the replicas of a strategy."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.replicated_function import ReplicatedFunction

IMAGES = np.arange(6 * 5 * 7 * 3, dtype=np.float32).reshape(6, 5, 7, 3)


@pytest.mark.parametrize(("any_size", "traces"), [(True, 1), (False, 3)])
def test_one_trace_for_all_numbers_of_images(any_size, traces):
    shapes = []

    def scaled_sums(images, factor):
        shapes.append(images.shape)
        return factor * tf.reduce_sum(images, axis=(1, 2, 3))

    function = ReplicatedFunction(scaled_sums, None, False, any_size)
    for count in (5, 2, 3, 5):
        found = function(tf.constant(IMAGES[:count]), tf.constant(0.5))
        np.testing.assert_allclose(found, 0.5 * IMAGES[:count].sum(axis=(1, 2, 3)))
    assert len(shapes) == traces
    assert shapes[0] == (None if any_size else 5, 5, 7, 3)


def test_each_replica_gets_its_part_and_all_scalars(two_replicas):
    def parts(images, factor):
        size = tf.cast(tf.shape(images)[0], tf.float32)
        return factor * size * tf.reduce_sum(images, axis=(1, 2, 3))

    function = ReplicatedFunction(parts, two_replicas, False, False)
    found = function(tf.constant(IMAGES), tf.constant(0.5))
    np.testing.assert_allclose(found, 0.5 * 3 * IMAGES.sum(axis=(1, 2, 3)))
