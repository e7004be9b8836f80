import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError

IMAGES = np.random.default_rng(1).random((5, 4, 3, 2), np.float32)


def dropout_model():
    return keras.Sequential(
        [keras.Input((4, 3, 2)), keras.layers.Flatten(), keras.layers.Dropout(0.5)]
    )


def test_same_object_for_the_same_model():
    model = dropout_model()
    assert logits_function(model) is logits_function(model)
    assert logits_function(model) is not logits_function(dropout_model())


def test_keras_model_runs_in_evaluation_mode_even_when_training_is_the_default():
    class TrainsByDefault(keras.Model):
        def call(self, images, training=True):
            return tf.reduce_sum(images, axis=(1, 2)) + (100.0 if training else 0.0)

    model = TrainsByDefault()
    np.testing.assert_allclose(
        logits_function(model).compiled(IMAGES), IMAGES.sum(axis=(1, 2)), rtol=1e-6
    )


def test_half_precision_logits_become_float32():
    def model(images):
        return tf.cast(tf.reduce_sum(images, axis=(1, 2)), tf.bfloat16)

    assert logits_function(model).compiled(IMAGES).dtype == tf.float32


def test_model_is_not_kept_alive():
    model = dropout_model()
    logits_function(model).compiled(tf.constant(IMAGES))
    watcher = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert watcher() is None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (5, "int, which cannot be called"),
        ("model.keras", "str, which cannot be called"),
        (lambda images: {"logits": images[:, 0, 0]}, r"returns a dict.*\['logits'\]"),
        (lambda images: [images[:, 0, 0]], "returns a list"),
        (lambda images: images, r"returns shape \(5, 4, 3, 2\)"),
    ],
)
def test_refusals(model, message):
    with pytest.raises(RobustnessError, match=message) as refusal:
        logits_function(model).compiled(tf.constant(IMAGES))
    assert "\n" not in str(refusal.value)


def test_refuses_a_callable_without_weak_references():
    class Slotted:
        __slots__ = ()

        def __call__(self, images):
            return images

    with pytest.raises(RobustnessError, match="weak reference"):
        logits_function(Slotted())
