"""A copy of a model that computes in bfloat16, with weights and pixels in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf import layers
from teachers.bfloat16 import model_in_bfloat16


@pytest.fixture(scope="module")
def teacher():
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.2)
    return teachers.from_keras(teachers.resnet(5, (13, 11, 3), (7, 11), (1, 1), mean, std))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((3, 13, 11, 3), dtype="float32")


def test_layers_compute_in_bfloat16_and_keep_float32_weights(teacher, images):
    copy = model_in_bfloat16(teacher.model)
    outputs = copy(images, training=False)
    assert {tap.dtype for tap in outputs["taps"].values()} == {tf.bfloat16}
    assert {variable.dtype for variable in copy.variables} == {"float32"}
    normalization = [layer for layer in copy.layers if "Normalization" in type(layer).__name__]
    assert isinstance(normalization[0], layers.PixelNormalization)
    assert normalization[0].compute_dtype == "float32"
    assert not copy.trainable_variables


def test_a_global_policy_is_left_alone(teacher):
    model_in_bfloat16(teacher.model)
    assert keras.config.dtype_policy().name == "float32"
