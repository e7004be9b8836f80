"""Delegated operators: of known files, against the sum of all, and what cuts a graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.deploy import DeployError, convert, convert_each, export_saved_model
from rnascl_tf.deploy.xnnpack_delegation import delegation
from rnascl_tf.networks import build_student
from tests.tiny_recipe import SPACE


def converted(activation, kinds, folder):
    fields = {"space": SPACE.name, "filters": SPACE.narrowest, "num_classes": 10}
    student = build_student({**fields, "input_shape": [32, 32, 3], "activation": activation})
    export_saved_model(student, folder)
    calibration = np.random.default_rng(0).random((7, 32, 32, 3), np.float32)
    return dict(convert_each(folder, kinds, calibration))


@pytest.fixture(scope="module")
def student_files(tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student") / "saved_model"
    return converted("hard_swish", ("float32", "int8"), folder)


@pytest.fixture(scope="module")
def relu6_file(tiny_config, tmp_path_factory):
    return converted("relu6", ("int8",), tmp_path_factory.mktemp("relu6") / "saved_model")["int8"]


def test_a_float_student_is_delegated_whole(student_files):
    found = delegation(student_files["float32"])
    assert (found.pieces, found.not_delegated, found.advice) == (1, {}, None)
    # 1 + 2 * 3 convolutions, 2 of them depthwise; an activation after each that is not linear.
    assert found.operators["CONV_2D"] == 5
    assert found.operators["DEPTHWISE_CONV_2D"] == 2
    assert found.operators["HARD_SWISH"] == 5


def test_hard_swish_in_int8_cuts_the_graph_and_the_remedy_is_named(student_files):
    found = delegation(student_files["int8"])
    assert found.not_delegated == {"HARD_SWISH": 5}
    assert found.pieces == 6
    assert "search.activation=relu6" in found.advice


def test_the_remedy_works(relu6_file):
    found = delegation(relu6_file)
    assert (found.pieces, found.not_delegated, found.advice) == (1, {}, None)


class RunningSum(keras.layers.Layer):
    """An operator of TFLite that XNNPACK does not run."""

    def call(self, features):
        return tf.cumsum(features, axis=1)


def test_another_operator_is_named(tmp_path):
    images = keras.Input((5, 7, 3))
    features = keras.layers.Conv2D(4, 3)(images)
    features = keras.layers.Conv2D(4, 1)(RunningSum()(features))
    logits = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(features))
    export_saved_model(keras.Model(images, logits), tmp_path / "saved_model")
    found = delegation(convert(tmp_path / "saved_model", "float32"))
    assert found.not_delegated == {"CUMSUM": 1}
    assert found.pieces == 2
    assert "(CUMSUM)" in found.advice


def test_other_files_are_refused(student_files):
    with pytest.raises(DeployError, match="not a TFLite file"):
        delegation(b"none")
    with pytest.raises(DeployError, match="damaged or cut off"):
        delegation(student_files["int8"][:3000])
