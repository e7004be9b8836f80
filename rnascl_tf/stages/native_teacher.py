"""The native teacher: a network trained adversarially on the run's own data.

Written to `DIR/teacher/` as `teacher.keras`, which this run uses, and as `teacher.onnx` for other tools
and other runs.
"""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

import teachers
from rnascl_tf.files import save_model, write_bytes
from rnascl_tf.runs import Run, train_stage, training_stream
from rnascl_tf.stages.hardened_training import breakdown_warning, keep_best
from rnascl_tf.training import (
    BestEpoch,
    ClassifierModel,
    TrainingAttack,
    batch_norm_momentum,
    hardening_of,
    weight_optimizer,
)
from teachers import TeacherError

SMALL = "resnet"
"""The value of `teacher.network` that reads `widths`, `blocks` and `stem_stride`."""


def native_classifier(run: Run, steps_per_epoch: int) -> keras.Model:
    """Returns the untrained native network of the config."""
    settings, dataset = run.config.teacher, run.dataset
    options = {
        "mean": dataset.mean,
        "std": dataset.std,
        "batch_norm_momentum": batch_norm_momentum(settings, steps_per_epoch),
        "seed": run.config.seed,
    }
    if settings.network != SMALL:
        return teachers.native.build(
            settings.network, dataset.num_classes, dataset.input_shape, **options
        )
    return teachers.resnet(
        dataset.num_classes,
        dataset.input_shape,
        widths=tuple(settings.widths),
        blocks=tuple(settings.blocks),
        stem_stride=settings.stem_stride,
        **options,
    )


def adversarial_model(run: Run, classifier: keras.Model, steps_per_epoch: int) -> ClassifierModel:
    """Returns the compiled model of the native teacher's training."""
    settings = run.config.teacher
    hardening = hardening_of(
        {**settings, "attack": settings.adversarial}, run.threat_model, run.config.seed
    )
    # The attack that judges is as strong as the one that trains, and the user's to choose.
    judge = TrainingAttack(
        "pgd",
        run.threat_model,
        hardening.seed_generator,
        settings.attack_steps,
        settings.attack_step_size,
    )
    model = ClassifierModel(
        classifier,
        dataclasses.replace(hardening, validation=judge),
        name="adversarial_training",
    )
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return model


def train_native(run: Run) -> dict[str, Any]:
    """Trains the network, keeps its best epoch, and writes it in both formats.

    Returns:
        What `teacher.json` says of it: the best epoch, and how far the ONNX file's logits are from
        Keras' on real images.
    """
    settings = run.config.teacher
    stream = training_stream(run)
    classifier = native_classifier(run, stream.steps_per_epoch)
    # A wrong expression is refused before the training, not after it.
    teachers.from_keras(keras.models.clone_model(classifier), taps=settings.taps)
    model = adversarial_model(run, classifier, stream.steps_per_epoch)
    folder = run.folder("teacher")
    best = None
    callbacks: list[keras.callbacks.Callback] = []
    if settings.patience:
        best = BestEpoch(model.validated, folder, model.best, settings.patience)
        callbacks.append(best)
    # As many epochs as there are: the best one is kept and none is left out.
    remedy = None if best else f"--config.teacher.patience={settings.epochs}"
    callbacks += breakdown_warning("teacher", model.hardening, folder, remedy)
    train_stage(
        run,
        "teacher",
        model,
        stream,
        callbacks=callbacks,
        ended=best.ended if best else None,
    )
    training: dict[str, Any] = {"epoch": len(run.record["history"]["teacher"])}
    if best is not None:
        training = keep_best(run, "teacher", best, folder / "teacher.keras")
    save_model(model.validated, folder / "teacher.keras")
    write_bytes(folder / "teacher.onnx", teachers.to_onnx(model.validated))
    run.devices.wait_for_all()
    training["onnx_error"] = _onnx_error(run, model.validated, folder / "teacher.onnx")
    return training


def _onnx_error(run: Run, network: keras.Model, path: Path) -> float:
    """Returns how far the logits of the ONNX file, read back, are from Keras'."""
    train = run.dataset.train
    images = train.evenly_spaced(min(run.config.teacher.verify_examples, len(train))).as_float()
    written = teachers.load_onnx(path)
    written.verify(images)
    wanted = network.predict(images, verbose=0)
    error = float(np.abs(written.signals(images).logits - wanted).max() / np.abs(wanted).max())
    if not error <= teachers.TOLERANCE:
        raise TeacherError(
            f"the logits of {path} differ from those of its network by {error:.2g} (relative), wanted "
            f"at most {teachers.TOLERANCE}; use teacher.keras in the same folder."
        )
    return error
