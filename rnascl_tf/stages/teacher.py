"""Teacher stage: take an ONNX classifier, or train a small native one, and measure it.

Writes `DIR/teacher/`: the teacher itself (`teacher.onnx` or `teacher.keras`) and `teacher.json`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging
from ml_collections import ConfigDict

import teachers
from rnascl_tf import robustness, runs, stages, training
from rnascl_tf.console import progress
from rnascl_tf.errors import UserError
from rnascl_tf.files import write_bytes, write_json
from rnascl_tf.recipes.rules import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    FRACTION,
    check_values,
    optimization_rules,
)
from rnascl_tf.report.model_style import BLACK, ModelStyle
from rnascl_tf.stages.stage import Change, Stage

ATTACKS = ("clean", "pgd20")

NEAR_CHANCE_REASONS = (
    "a missing or wrong mean and std, classes in another order, or other images look like this"
)


def run(run: runs.Run) -> None:
    """Accepts or trains the teacher, verifies it on real images, and measures it under PGD."""
    settings = run.config.teacher
    if settings.onnx:
        # It may be refused: before anything is written, so that another file can be given.
        teacher, trained = runs.load_onnx(run, settings.onnx), None
        verification = teacher.verify(_verify_images(run))
        file = _copy_onnx(run)
        run.devices.wait_for_all()
    else:
        trained = stages.train_native(run)
        file = "teacher.keras"
        teacher = runs.load_written_teacher(run, file)
        verification = teacher.verify(_verify_images(run))
    precision = teachers.choose_precision(teacher, _verify_images(run), settings.precision)
    logging.info("teacher: %s", precision)
    description: dict[str, Any] = {
        "file": file,
        "name": teacher.name,
        "source": source_of(settings),
        "training": trained,
        "sha256": teacher.sha256,
        "n_t": len(teacher.tap_names),
        "taps": list(teacher.tap_names),
        "verification": dataclasses.asdict(verification),
        "precision": dataclasses.asdict(precision),
        "robustness": _measure(run, teacher),
    }
    clean = robustness.Accuracy.from_json(description["robustness"]["clean"])
    if near_chance(clean, run.dataset.num_classes):
        logging.warning(
            "the teacher's clean accuracy is %s %%, near chance: %s",
            clean,
            NEAR_CHANCE_REASONS,
        )
    folder = run.folder("teacher")
    write_json(folder / "teacher.json", description)
    # Not earlier: a run that was killed between training and measuring resumes from them.
    training.remove_best_files(folder)
    run.record["teacher"] = description
    run.record["robustness"]["teacher"] = description["robustness"]


def near_chance(clean: robustness.Accuracy, num_classes: int) -> bool:
    """Returns whether a teacher's clean accuracy is under twice that of guessing."""
    return clean.value < 2 / num_classes


def _verify_images(run: runs.Run) -> np.ndarray:
    """Returns real training images on which implementations and precisions are compared."""
    train = run.dataset.train
    return train.evenly_spaced(min(run.config.teacher.verify_examples, len(train))).as_float()


def _measure(run: runs.Run, teacher: teachers.Teacher) -> dict[str, Any]:
    examples = run.dataset.test.evenly_spaced(run.config.teacher.evaluate_examples)
    with progress("teacher") as on_batch:
        return robustness.evaluate(
            teacher.classifier,
            examples.as_float(),
            examples.labels,
            run.threat_model,
            ATTACKS,
            batch_size=run.config.evaluate.batch_size,
            seed=run.config.seed,
            # Of several workers each measures by itself, on one device.
            strategy=run.devices.strategy if run.devices.workers == 1 else None,
            on_batch=on_batch,
        )


def _copy_onnx(run: runs.Run) -> str:
    """Copies the ONNX file into the run, so that the run no longer depends on it."""
    # Read first: the file may lie in the folder that is started again.
    content = teachers.self_contained_onnx(run.config.teacher.onnx)
    write_bytes(run.folder("teacher") / "teacher.onnx", content)
    return "teacher.onnx"


def source_of(settings: ConfigDict) -> str:
    """Returns where the teacher comes from, for people: a file, or a network and its training."""
    attack = settings.adversarial.upper().replace("_", "-")
    return settings.onnx or f"native network {settings.network}, {attack} adversarial training"


def check(config: ConfigDict) -> None:
    """Checks the section `teacher`."""
    settings = config.teacher
    check_values(
        config,
        {
            **optimization_rules("teacher"),
            "teacher.verify_examples": AT_LEAST_1,
            "teacher.evaluate_examples": AT_LEAST_1,
            "teacher.attack_steps": AT_LEAST_1,
            "teacher.attack_step_size": ABOVE_0,
            "teacher.beta": AT_LEAST_0,
            "teacher.weight_average": FRACTION,
        },
    )
    if not settings.onnx:
        runs.require_epsilon(config, "an ONNX teacher, --config.teacher.onnx=FILE")
    if settings.patience is not None and settings.patience < 1:
        raise UserError(
            f"--config.teacher.patience={settings.patience} should be at least 1 epoch (or None: all "
            "epochs are trained and the last one is taken)."
        )
    if len(settings.mean) != len(settings.std):
        raise UserError(
            "--config.teacher.mean and --config.teacher.std need one number per channel each, got "
            f"{tuple(settings.mean)} and {tuple(settings.std)}."
        )
    sizes = (tuple(settings.widths), tuple(settings.blocks))
    if not all(_are_counts(values) for values in sizes) or len(sizes[0]) != len(sizes[1]):
        raise UserError(
            "--config.teacher.widths and --config.teacher.blocks need one number of at least 1 for "
            f"each network stage, got {sizes[0]} and {sizes[1]}."
        )


def _are_counts(values: Sequence[object]) -> bool:
    return bool(values) and all(isinstance(value, int) and value >= 1 for value in values)


def estimate(run: runs.Run) -> float:
    """Returns the seconds of the attacks on it and, of a native teacher, of its training."""
    settings, classifier = run.config.teacher, stages.untrained_teacher(run)
    images = settings.evaluate_examples * robustness.attack_named("pgd20").steps
    seconds = stages.gradient_seconds(run, classifier) * images
    if settings.onnx:
        return seconds
    steps_per_epoch = runs.training_stream(run).steps_per_epoch
    model = stages.adversarial_model(run, classifier, steps_per_epoch)
    return seconds + stages.training_seconds(run, model, settings.epochs)


def keeps_result(run: runs.Run, change: Change) -> bool:
    """Whether data or teacher only lie elsewhere, or the precision is the one that was chosen."""
    if change.key == "data.data_dir":
        return run.config.data.name != "image_folder"  # elsewhere the name says which data it is
    if change.key == "teacher.onnx" and change.old and change.new and run.record.get("teacher"):
        content = teachers.self_contained_onnx(change.new)
        return hashlib.sha256(content).hexdigest() == run.record["teacher"]["sha256"]
    if change.key == "teacher.precision" and run.record.get("teacher"):
        # What was measured then is now asked for by name: float32 was not always the default.
        return run.record["teacher"].get("precision", {}).get("chosen") == change.new
    return False


STAGE: Stage = Stage(
    name="teacher",
    title="take or train the robust teacher, verify and attack it",
    run=run,
    sections=("seed", "data", "replicas", "threat", "teacher"),
    findings=("teacher", "robustness.teacher"),
    style=ModelStyle(title="teacher", color=BLACK, text_color=BLACK, marker="D"),
    check=check,
    counts={"teacher.evaluate_examples": "test"},
    estimate=estimate,
    keeps_result=keeps_result,
)
