"""`--dry_run`: the resolved config, the stages, sizes, and seconds measured from a few steps."""

import itertools
import statistics
import time

import rich.box
import rich.table
import tensorflow as tf
from ml_collections import ConfigDict

import teachers
from rnascl_tf.console import console
from rnascl_tf.networks import build_student, count, describe, student_taps
from rnascl_tf.pipeline.execution import refuse_other_config
from rnascl_tf.pipeline.settings import check_data
from rnascl_tf.robustness import attack_named
from rnascl_tf.robustness.attacks.requested_attack import parse_attack
from rnascl_tf.runs.batches import training_stream
from rnascl_tf.runs.teacher_files import load_onnx
from rnascl_tf.stages.native_teacher import adversarial_model, native_classifier
from rnascl_tf.stages.search import search_model
from rnascl_tf.stages.student_training import student_model
from rnascl_tf.stages.trades import trades_model
from rnascl_tf.training import LiveSignals

MEASURED_STEPS = 3
SECONDS_PER_CONVERSION = 5
"""To TFLite, measured on S3; the number of operators decides, not their size."""


def dry_run(run, stages):
    """Prints what `execute` would do and about how long it would take; the run is not touched.

    A public data set that is nowhere on this machine is downloaded: its size is part of the answer.

    The teacher is the config's ONNX file, or the native network untrained: that costs the same.
    Steps are measured on this machine, after one that compiles.
    """
    refuse_other_config(run)
    check_data(run.config, run.dataset)
    for key, value in _flattened(run.config):
        shown = f"({key} is not set)" if value is None else f"--config.{key}={value}"
        console.print(shown, markup=False, soft_wrap=True)
    print_sizes(run)
    states = {
        stage.name: run.record["stages"].get(stage.name, {}).get("status", "not started")
        for stage in stages
    }
    seconds = {
        name: 0.0 if state == "finished" else estimate(run, name) for name, state in states.items()
    }
    table = rich.table.Table(title="Stages", box=rich.box.SIMPLE_HEAD)
    table.add_column("stage")
    table.add_column("state")
    table.add_column("estimated time", justify="right")
    for name, value in seconds.items():
        rest = "-" if states[name] == "finished" else _duration(value) if value else "seconds"
        table.add_row(name, states[name], rest)
    table.add_row("all", "", _duration(sum(seconds.values())))
    console.print(table)
    console.print(f"Nothing was written to {run.workdir}.", soft_wrap=True)


def print_sizes(run):
    """Prints the data's and the search space's sizes."""
    dataset, space = run.dataset, run.space
    console.print(
        f"data: {dataset.name}, {len(dataset.train)} training, {len(dataset.validation)} "
        f"validation, {len(dataset.test)} test images of {dataset.input_shape}, "
        f"{dataset.num_classes} classes",
        soft_wrap=True,
    )
    for name, filters in (("narrowest", space.narrowest), ("widest", space.widest)):
        size = count(_architecture(run, filters))
        console.print(
            f"{space.name} {name} student: {size.params:,} params, {size.macs:,} MACs "
            f"({space.size:,} students in the space)",
            soft_wrap=True,
        )


def estimate(run, stage):
    """Returns the seconds that a stage would take, or 0.0 for those that take only some."""
    stream, steps_per_epoch = training_stream(run)
    batch = next(iter(stream(0)))
    config = run.config
    if stage in ("teacher", "evaluate"):
        return _attacks(run, stage, batch) + (
            _training(
                adversarial_model(run, _classifier(run), steps_per_epoch),
                batch,
                config.teacher.epochs * steps_per_epoch,
            )
            if stage == "teacher" and not config.teacher.onnx
            else 0.0
        )
    if stage == "export":
        return _export(run, batch)
    if stage == "search" and not config.search.architecture:
        model = search_model(run, _signals(run), steps_per_epoch)
        return _training(model, batch, config.search.epochs * steps_per_epoch)
    if stage in ("train", "baseline"):
        signals = _signals(run) if stage == "train" else None
        architecture = _architecture(run, run.space.widest, signals)
        _, model = student_model(run, architecture, signals, steps_per_epoch)
        return _training(model, batch, config.train.epochs * steps_per_epoch)
    if stage == "trades":
        signals = _signals(run)
        architecture = _architecture(run, run.space.widest, signals)
        student = build_student(architecture)
        model = trades_model(run, student, architecture, signals, steps_per_epoch)
        return _training(model, batch, config.trades.epochs * steps_per_epoch)
    return 0.0


def _flattened(config, prefix=""):
    """Yields (dotted key, value) of every leaf, as it can be given on the command line."""
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", repr(value) if isinstance(value, tuple) else value


def _training(model, batch, steps):
    step = tf.function(model.train_step)
    return _seconds(lambda: step(batch)) * steps


def _attacks(run, stage, batch):
    """Every step of every attack is a forward and a backward pass on the attacked images."""
    config = run.config
    if stage == "teacher":
        model, models, examples = _classifier(run), 1, config.teacher.evaluate_examples
        steps = attack_named("pgd20").steps
    else:
        architecture = _architecture(run, run.space.widest)
        model, _ = student_model(run, architecture, None, 1)
        models = 1 + config.baseline.enabled + config.trades.enabled
        examples = config.evaluate.examples
        names = [parse_attack(text, run.threat_model)[0] for text in config.evaluate.attacks]
        steps = sum(
            attack_named(name, config.evaluate.budget).steps for name in names if name != "clean"
        )
        # The verdict on masking: about 300 steps, and Square's queries at a third of a step each.
        steps += 600 * config.evaluate.masking_examples / examples

    @tf.function
    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = model(images, training=False)
        return tape.gradient(logits, images)

    images = batch["image"]
    return _seconds(lambda: gradient(images)) / len(images) * steps * examples * models


def _export(run, batch):
    """Conversions, transferred attacks on the Keras student, and every file asked image by image."""
    export = run.config.export
    model, _ = student_model(run, _architecture(run, run.space.widest), None, 1)
    images = batch["image"]
    forward = tf.function(lambda images: model(images, training=False))
    per_image = _seconds(lambda: forward(images)) / len(images)
    gradient_steps = sum(attack_named(name).steps for name in export.transferred)
    asked = export.examples * (1 + len(export.transferred))
    asked += min(export.square_examples, export.examples) * export.square_queries
    models = 1 + len(export.kinds)
    # A backward pass costs about twice the forward pass before it.
    seconds = 3 * gradient_steps * export.examples * per_image + models * asked * per_image
    return seconds + SECONDS_PER_CONVERSION * len(export.kinds)


def _seconds(step):
    """Returns the median seconds of a step that has been compiled before."""
    step()
    rounds = []
    for _ in range(MEASURED_STEPS):
        started = time.perf_counter()
        step()
        rounds.append(time.perf_counter() - started)
    return statistics.median(rounds)


def _classifier(run):
    if run.config.teacher.onnx:
        return load_onnx(run, run.config.teacher.onnx).classifier
    return native_classifier(run, 1)


def _signals(run):
    size = run.config.search.attention_size
    if run.config.teacher.onnx:
        return LiveSignals(load_onnx(run, run.config.teacher.onnx))
    return LiveSignals(teachers.from_keras(native_classifier(run, 1), attention_size=size))


def _architecture(run, filters, signals=None):
    """Returns the architecture of a student, its tutors taken in turn: they cost the same."""
    dataset = run.dataset
    shape = (dataset.num_classes, dataset.input_shape, 0, run.config.search.activation)
    plain = describe(run.space, filters, [], *shape)
    if signals is None:
        return plain
    taps = student_taps(build_student(plain)).output["taps"]
    tutors = [
        {"student": student, "teacher": teacher, "probability": 1.0}
        for student, teacher in zip(taps, itertools.cycle(signals.teacher_layers), strict=False)
    ]
    return describe(run.space, filters, tutors, *shape)


def _duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
