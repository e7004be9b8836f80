"""What the train and baseline stages share: a student trained from scratch and saved."""

from typing import Any

import keras

from rnascl_tf.networks import Architecture, ArchitectureError, build_student, read_architecture
from rnascl_tf.runs import Run, stream_and_signals, uses_attention
from rnascl_tf.stages.hardened_training import train_and_save
from rnascl_tf.training import (
    StudentModel,
    TeacherSignals,
    batch_norm_momentum,
    hardening_of,
    weight_optimizer,
)


def train_student(run: Run, stage: str, taught: bool) -> None:
    """Trains the searched architecture and writes `DIR/<stage>/student.keras`.

    Args:
        run: a `Run`.
        stage: the stage's name, and its folder's.
        taught: whether by eq. 3 with the teacher, or by the task alone; on the same attacked images
            if there is an attack.
    """
    architecture = read_architecture(run.need("search", "architecture.json"))
    check_fit(run, architecture)
    epochs = run.config.train.epochs
    stream, signals = stream_and_signals(run, stage, epochs, taught)
    _, model = student_model(run, architecture, signals, stream.steps_per_epoch)
    train_and_save(run, stage, model, stream, section="train")


def check_fit(run: Run, architecture: Architecture) -> None:
    """Raises ArchitectureError if an architecture is for other data than the run's."""
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
    hardening = hardening_of(settings, run.threat_model, run.config.seed)
    model = StudentModel(student, signals, hardening=hardening, **eq_3(run, architecture))
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return student, model


def eq_3(run: Run, architecture: Architecture) -> dict[str, Any]:
    """Returns the arguments of `StudentModel` that the config and the architecture decide."""
    config = run.config
    return {
        "tutors": architecture.teacher_taps if uses_attention(config) else None,
        "attention_size": config.search.attention_size,
        "gamma": config.train.gamma,
        "kl": config.method.kl,
        "kl_first": config.method.kl_first,
    }
