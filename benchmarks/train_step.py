"""One training step of S3 at batch 128: what stored teacher signals and our hard-swish save."""

import itertools

import keras
import numpy as np
import tensorflow as tf

import teachers
from benchmarks.ratio import measure
from rnascl_tf.layers import HardSwish
from rnascl_tf.networks import SEARCH_SPACES, build_student, student_taps
from rnascl_tf.training import CoupledSGD, LiveSignals, StoredSignals, StudentModel

BATCH, CLASSES, SHAPE = 128, 10, (32, 32, 3)
ROUNDS = 15


def run():
    """Returns the list of this file's ratios."""
    space = SEARCH_SPACES["S3"]
    network = teachers.resnet(CLASSES, SHAPE, widths=(32, 64, 128, 256), blocks=(2, 2, 2, 2))
    teacher = teachers.from_keras(network)
    generator = np.random.default_rng(0)
    images = tf.constant(generator.random((BATCH, *SHAPE), dtype="float32"))
    signals = teacher.signals(images)
    batch = {
        "image": images,
        "label": tf.constant(generator.integers(0, CLASSES, BATCH), tf.int32),
        "index": tf.range(BATCH, dtype=tf.int64),
        "teacher_logits": signals.logits,
        "teacher_maps": signals.maps,
    }
    student = build_student(
        {"space": "S3", "filters": space.widest, "num_classes": CLASSES, "input_shape": SHAPE}
    )
    plain = keras.models.clone_model(student, clone_function=_keras_activation)
    stored = StoredSignals(teacher.tap_names)
    stored_step = training_step(student, stored)
    live_step = training_step(keras.models.clone_model(student), LiveSignals(teacher))
    plain_step = training_step(plain, stored)
    return [
        measure(
            "stored_signals_s3",
            lambda: stored_step(batch),
            [lambda: live_step(batch)],
            baseline="the same training step with the teacher run in it",
            target=0.65,
            rounds=ROUNDS,
        ),
        measure(
            "hard_swish_s3",
            lambda: stored_step(batch),
            [lambda: plain_step(batch)],
            baseline="the same training step with Keras' hard_silu",
            target=0.97,
            rounds=ROUNDS,
        ),
    ]


def training_step(student, signals):
    """Returns a function that trains a student on one batch and returns when it is done."""
    taps = student_taps(student).output["taps"]
    tutors = dict(zip(taps, itertools.cycle(signals.teacher_layers), strict=False))
    return compiled_step(StudentModel(student, signals, tutors))


def compiled_step(model):
    """Returns the same for a `TrainingModel` that is not compiled yet."""
    model.compile(CoupledSGD(1e-3, l2=2e-4))
    step = tf.function(model.train_step, jit_compile=False)
    return lambda batch: step(batch)["loss"].numpy()


def _keras_activation(layer):
    if isinstance(layer, HardSwish):
        return keras.layers.Activation("hard_silu", name=layer.name)
    return layer.__class__.from_config(layer.get_config())
