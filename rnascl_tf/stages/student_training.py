"""What the train stage and its baseline share: one slim student, trained from scratch and saved."""

from typing import Any

import keras

from rnascl_tf.data import evaluation_batches
from rnascl_tf.files import save_model
from rnascl_tf.networks import Architecture, ArchitectureError, build_student, read_architecture
from rnascl_tf.runs import Run, taught_stream, training_stream, uses_attention
from rnascl_tf.training import (
    StudentModel,
    TeacherSignals,
    batch_norm_momentum,
    fit,
    weight_optimizer,
)


def train_student(run: Run, stage: str, taught: bool) -> None:
    """Trains the searched architecture and writes `DIR/<stage>/student.keras`.

    Args:
        run: a `Run`.
        stage: the stage's name, and its folder's.
        taught: by eq. 3 with the teacher; otherwise by cross-entropy alone.
    """
    architecture = read_architecture(run.need("search", "architecture.json"))
    check_fit(run, architecture)
    if taught:
        stream, steps_per_epoch, signals = taught_stream(run, stage, run.config.train.epochs)
    else:
        (stream, steps_per_epoch), signals = training_stream(run), None
    student, model = student_model(run, architecture, signals, steps_per_epoch)
    folder = run.folder(stage)
    run.record["history"][stage] = fit(
        model,
        stream,
        evaluation_batches(run.dataset.validation, run.config.data.batch_size),
        epochs=run.config.train.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        batch_norm=run.config.replicas.batch_norm,
        stage=stage,
        section="train",
    )
    save_model(student, folder / "student.keras")


def check_fit(run: Run, architecture: Architecture) -> None:
    """Raises ArchitectureError if an architecture comes from another data set's search."""
    dataset, found = run.dataset, architecture.problem
    if (found.num_classes, found.input_shape) != (dataset.num_classes, dataset.input_shape):
        raise ArchitectureError(
            f"the architecture is for {found.num_classes} classes and images of "
            f"{found.input_shape}, but "
            f"{dataset.name} has {dataset.num_classes} and {dataset.input_shape}: search again."
        )


def student_model(
    run: Run, architecture: Architecture, signals: TeacherSignals | None, steps_per_epoch: int
) -> tuple[keras.Model, StudentModel]:
    """Returns the new student and the compiled model that trains it."""
    settings = run.config.train
    student = build_student(
        architecture,
        momentum=batch_norm_momentum(settings, steps_per_epoch),
        seed=run.config.seed,
    )
    model = StudentModel(student, signals, **eq_3(run, architecture))
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return student, model


def eq_3(run: Run, architecture: Architecture) -> dict[str, Any]:
    """Returns the arguments of `StudentModel` that the config and the architecture decide."""
    config = run.config
    tutors = {tutor["student"]: tutor["teacher"] for tutor in architecture.tutors}
    return {
        "tutors": tutors if uses_attention(config) else None,
        "attention_size": config.search.attention_size,
        "gamma": config.train.gamma,
        "kl": config.method.kl,
    }
