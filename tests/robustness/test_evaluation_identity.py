"""What makes two evaluations the same."""

import keras
import numpy as np
import pytest

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from rnascl_tf.robustness import RobustnessError, ThreatModel
from rnascl_tf.robustness.evaluation_identity import _layers, evaluation_identity
from teachers.layers.constant_layers import Clip

IMAGES, LABELS = np.zeros((2, 2, 2, 1), np.float32), np.array([0, 1])


def test_models_of_layers_that_have_moved_are_those_of_older_state_files():
    """An interrupted evaluation continues although a layer's module has another name since."""
    model = keras.Sequential(
        [keras.Input((2, 2, 1)), PixelNormalization([0.5], [0.2]), Clip(0.0, 1.0)]
    )
    text = _layers(model)
    assert '"module": "teachers.normalization", "class_name": "PixelNormalization"' in text
    assert '"module": "teachers.constant_layers", "class_name": "Clip"' in text


def identity(model, model_id=None, labels=LABELS, epsilon=0.1, seed=3):
    return evaluation_identity(model, model_id, IMAGES, labels, ThreatModel(epsilon), seed)


def test_everything_that_the_numbers_depend_on_changes_it():
    dense = [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(dense)
    first = identity(model)
    assert identity(model) == first
    assert identity(model, labels=LABELS[::-1])["images and labels"] != first["images and labels"]
    assert identity(model, epsilon=0.2)["threat model"] != first["threat model"]
    assert identity(model, seed=4)["seed"] == "4"
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert identity(model)["model"] != first["model"]
    assert identity(model, "my own text")["model"] == "my own text"


def test_a_function_needs_a_text_of_its_own():
    with pytest.raises(RobustnessError, match="asked for a function; pass model_id"):
        identity(lambda images: images)
    assert identity(lambda images: images, "mine")["model"] == "mine"
