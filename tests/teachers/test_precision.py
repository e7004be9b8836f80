"""Signals in bfloat16, and the choice between them and float32."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from teachers import precision
from teachers.precision import choose_precision

SHAPE, CLASSES = (13, 11, 3), 5


@pytest.fixture(scope="module")
def teacher():
    network = teachers.resnet(
        CLASSES, SHAPE, widths=(7, 11), blocks=(1, 2), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.2)
    )
    generator = np.random.default_rng(3)
    for variable in network.variables:  # statistics and offsets that a fresh network does not have
        noise = generator.uniform(0.5, 1.5, variable.shape).astype("float32")
        variable.assign(variable * noise if "kernel" in variable.path else noise)
    return teachers.from_keras(network)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((17, *SHAPE), dtype="float32")


def test_signals_in_bfloat16_are_float32_tensors_near_the_others(teacher, images):
    fast = teacher.in_precision("bfloat16")
    wanted, found = teacher.signals(images), fast.signals(images)
    assert found.logits.dtype == found.maps.dtype == tf.float32
    scale = np.abs(wanted.logits).max()
    difference = np.abs(found.logits - wanted.logits).max() / scale
    assert 1e-5 < difference < 0.05  # another format, the same network
    assert np.linalg.norm(found.maps - wanted.maps, axis=-1).max() < 0.05
    assert fast.precision == "bfloat16"
    assert teacher.precision == "float32"
    assert fast.in_precision("float32").precision == "float32"
    np.testing.assert_array_equal(
        fast.in_precision("float32").signals(images).logits, wanted.logits
    )


def test_verify_and_attacks_stay_in_float32(teacher, images):
    fast = teacher.in_precision("bfloat16")
    assert fast.verify(images).largest < 1e-5
    assert fast.classifier(images).dtype == tf.float32


@pytest.mark.parametrize(
    ("faster", "chosen"), [(0.2, "bfloat16"), (0.49, "bfloat16"), (0.51, "float32"), (3, "float32")]
)
def test_auto_takes_the_faster_one(faster, chosen, teacher, images, monkeypatch):
    monkeypatch.setattr(
        precision, "_seconds_per_image", lambda *_: {"float32": 1.0, "bfloat16": faster}
    )
    choice = choose_precision(teacher, images, "auto")
    assert choice.chosen == chosen
    assert choice.images == len(images)
    assert chosen in str(choice)


def test_auto_measures_both_here(teacher, images):
    choice = choose_precision(teacher, images, "auto")
    assert choice.chosen in choice.seconds_per_image
    assert all(0 < seconds < 1 for seconds in choice.seconds_per_image.values())
    assert dataclasses.asdict(choice)["asked"] == "auto"


def test_disagreement_is_never_taken(teacher, images, monkeypatch):
    monkeypatch.setattr(
        precision, "_seconds_per_image", lambda *_: {"float32": 1.0, "bfloat16": 0.1}
    )
    monkeypatch.setattr(precision, "LOGITS_TOLERANCE", 1e-6)
    assert choose_precision(teacher, images, "auto").chosen == "float32"
    with pytest.raises(teachers.TeacherError, match="in bfloat16 differs from float32 by"):
        choose_precision(teacher, images, "bfloat16")


def test_float32_needs_no_measurement(teacher, images):
    choice = choose_precision(teacher, images)
    assert (choice.chosen, choice.seconds_per_image) == ("float32", {})
    assert str(choice) == "signals are computed in float32, as asked"


def test_unknown_precision(teacher, images):
    with pytest.raises(teachers.TeacherError, match="give one of auto, float32, bfloat16"):
        choose_precision(teacher, images, "float16")


def test_operations_without_a_layer_follow_their_input():
    images = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(5, 3)(images * 2.0 - 1.0)
    logits = keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(features))
    teacher = teachers.from_keras(keras.Model(images, logits))
    pixels = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    wanted = teacher.signals(pixels).logits
    found = teacher.in_precision("bfloat16").signals(pixels).logits
    np.testing.assert_allclose(found, wanted, rtol=0, atol=0.02 * abs(wanted).numpy().max())
    assert abs(found - wanted).numpy().max() > 0.0
