"""The weights of a seeded build stay what they were: old runs are repeated from their seeds.

Stored are projections of all weights, laid end to end, on four sines: a weight that changes, or
moves, changes them by far more than the tolerance. They are not a hash because another processor
may round the last bit differently.
"""

import numpy as np
import pytest

import teachers
from rnascl_tf.networks import SEARCH_SPACES, build_student, build_supernet


def projections(model):
    weights = np.concatenate([np.ravel(weight) for weight in model.get_weights()]).astype(float)
    places = np.arange(len(weights))
    return [float(weights @ np.sin((k + 1) * 0.7 * places + k)) for k in range(4)]


def student(space, filters, size):
    shape = {"space": space, "filters": filters, "num_classes": 7, "input_shape": [size, size, 3]}
    return build_student(shape, seed=3)


def s3_student():
    return student("S3", [[16, 12, 16], [24, 20, 32], [60, 52, 64]], 11)


def is_student():
    return student("IS", SEARCH_SPACES["IS"].narrowest, 67)


def s3_supernet():
    return build_supernet(SEARCH_SPACES["S3"], 7, (11, 13, 3), seed=3)


def native_teacher():
    return teachers.resnet(5, (11, 13, 3), (3, 5), (1, 2), (0.4, 0.5, 0.6), (0.2, 0.2, 0.3), seed=3)


WANTED = {
    "s3_student": [-48.1071, -26.7054, -26.0609, -45.2259],
    "is_student": [-46.0178, -54.5895, 66.514, -6.3226],
    "s3_supernet": [36.4776, -50.6521, -8.6744, -85.0416],
    "native_teacher": [-6.6054, -2.411, -3.5304, -0.6356],
}


@pytest.mark.parametrize("build", [s3_student, is_student, s3_supernet, native_teacher])
def test_initial_weights_are_what_they_were(build):
    np.testing.assert_allclose(projections(build()), WANTED[build.__name__], rtol=1e-5, atol=1e-3)
