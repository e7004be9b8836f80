"""Delegated operators: of known files, against the sum of all, and what cuts a graph."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnascl_tf  # noqa: F401  registers the layers that the student's file names
from rnascl_tf.deploy import DeployError, convert, export_saved_model
from rnascl_tf.deploy.xnnpack_delegation import delegation
from rnascl_tf.networks import SEARCH_SPACES, build_student

STUDENT = Path(__file__).parents[1] / "robustness" / "networks" / "student_trades.keras"


@pytest.fixture(scope="module")
def student_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student") / "saved_model"
    export_saved_model(keras.models.load_model(STUDENT), folder)
    calibration = np.random.default_rng(0).random((7, 32, 32, 3), np.float32)
    return {kind: convert(folder, kind, calibration) for kind in ("float32", "int8")}


@pytest.fixture(scope="module")
def relu6_file(tmp_path_factory):
    fields = {"space": "S3", "filters": SEARCH_SPACES["S3"].narrowest, "num_classes": 10}
    student = build_student({**fields, "input_shape": [32, 32, 3], "activation": "relu6"})
    folder = tmp_path_factory.mktemp("relu6") / "saved_model"
    export_saved_model(student, folder)
    return convert(folder, "int8", np.random.default_rng(0).random((7, 32, 32, 3), np.float32))


def test_a_float_student_is_delegated_whole(student_files):
    found = delegation(student_files["float32"])
    assert (found.pieces, found.not_delegated, found.advice) == (1, {}, None)
    # 1 + 9 * 3 convolutions, 9 of them depthwise; an activation after each that is not linear.
    assert found.operators["CONV_2D"] == 19
    assert found.operators["DEPTHWISE_CONV_2D"] == 9
    assert found.operators["HARD_SWISH"] == 19


def test_hard_swish_in_int8_cuts_the_graph_and_the_remedy_is_named(student_files):
    found = delegation(student_files["int8"])
    assert found.not_delegated == {"HARD_SWISH": 19}
    assert found.pieces == 20
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
