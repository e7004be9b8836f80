"""What the stages' estimates are made of: untrained models, and the seconds of a few steps.

An untrained model costs what the trained one does.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

import teachers
from rnascl_tf.networks import Architecture, Tutor, build_student, describe, student_taps
from rnascl_tf.runs import Run, load_onnx, training_stream
from rnascl_tf.stages.native_teacher import native_classifier
from rnascl_tf.training import LiveSignals, StoredSignals, TrainingModel

MEASURED_STEPS = 3


def first_batch(run: Run) -> Mapping[str, tf.Tensor]:
    """Returns the first training batch."""
    return next(iter(training_stream(run).batches(0, 0)))


def training_seconds(run: Run, model: TrainingModel, epochs: int) -> float:
    """Returns the seconds of a training of a compiled model, with the validation of every epoch.

    Validation under attack may take as long as the steps. Of fixed views the teacher's signals are read
    in each step; `view_seconds` is what they take once.
    """
    batch = first_batch(run)
    signals = getattr(model, "signals", None)
    if run.config.signals.views and signals is not None:
        given = signals(batch)
        batch = {**batch, "teacher_logits": given.logits, "teacher_maps": given.maps}
        model.signals = StoredSignals(signals.teacher_layers)
    step = tf.function(model.train_step, autograph=False)
    validation = tf.function(model.test_step, autograph=False)
    steps = _median_seconds(lambda: step(batch)) * training_stream(run).steps_per_epoch
    validated = _median_seconds(lambda: validation(batch)) / len(batch["image"])
    return epochs * (steps + validated * len(run.dataset.validation))


def view_seconds(run: Run, signals: LiveSignals) -> float:
    """Returns the seconds of the teacher's signals of all fixed views; 0 without fixed views."""
    views = run.config.signals.views
    if not views:
        return 0.0
    batch = first_batch(run)
    step = tf.function(signals, autograph=False)
    per_image = _median_seconds(lambda: step(batch)) / len(batch["image"])
    return per_image * views * len(run.dataset.train)


def gradient_seconds(run: Run, model: keras.Model) -> float:
    """Returns the seconds per image of a forward and a backward pass: a step of an attack."""

    @tf.function(autograph=False)
    def gradient(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = model(images, training=False)
        return tape.gradient(logits, images)

    images = first_batch(run)["image"]
    return _median_seconds(lambda: gradient(images)) / len(images)


def forward_seconds(run: Run, model: keras.Model) -> float:
    """Returns the seconds per image of a forward pass."""
    forward = tf.function(lambda images: model(images, training=False), autograph=False)
    images = first_batch(run)["image"]
    return _median_seconds(lambda: forward(images)) / len(images)


def untrained_teacher(run: Run) -> keras.Model:
    """Returns the classifier of the config's ONNX file, or its native network untrained."""
    if run.config.teacher.onnx:
        return load_onnx(run, run.config.teacher.onnx).classifier
    return native_classifier(run, 1)


def untrained_signals(run: Run) -> LiveSignals:
    """Returns the signals of `untrained_teacher`."""
    if run.config.teacher.onnx:
        return LiveSignals(load_onnx(run, run.config.teacher.onnx))
    size = run.config.search.attention_size
    return LiveSignals(teachers.from_keras(native_classifier(run, 1), attention_size=size))


def untrained_student(run: Run, signals: LiveSignals | None = None) -> Architecture:
    """Returns the widest student of the config's space.

    Args:
        run: a `Run`.
        signals: of the teacher that teaches it. Which of its layers is whose tutor costs the same, so
            that they are taken one after another.
    """
    widest = run.space.widest
    activation = run.config.search.activation
    plain = describe(run.problem, widest, [], 0, activation)
    if signals is None:
        return plain
    taps = student_taps(build_student(plain)).output["taps"]
    tutors = [
        Tutor(student, teacher, 1.0)
        for student, teacher in zip(taps, itertools.cycle(signals.teacher_layers), strict=False)
    ]
    return describe(run.problem, widest, tutors, 0, activation)


def _median_seconds(step: Callable[[], Any]) -> float:
    """Returns the median seconds of a step; its first call, which compiles it, does not count."""
    step()
    rounds = []
    for _ in range(MEASURED_STEPS):
        started = time.perf_counter()
        step()
        rounds.append(time.perf_counter() - started)
    return statistics.median(rounds)
