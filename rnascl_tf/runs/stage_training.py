"""The training batches of a run, and its trainings, for every stage that trains."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from rnascl_tf.data import evaluation_batches, steps_per_epoch, training_batches
from rnascl_tf.runs.run import Run
from rnascl_tf.training import Plan, Stream, TrainingModel, fit


def training_stream(run: Run) -> Stream:
    """Returns training batches that are augmented anew in every epoch: those of a native teacher."""
    return _stream(run, 0)


def student_stream(run: Run) -> Stream:
    """Returns the training batches of students, of fixed views if the config has `signals.views`.

    A student without a teacher gets the same ones: what it is compared with is taught, and nothing
    else.
    """
    return _stream(run, run.config.signals.views)


def _stream(run: Run, views: int) -> Stream:
    examples, size = run.dataset.train, run.config.data.batch_size

    def batches(first_epoch: int, first_step: int = 0) -> tf.data.Dataset:
        return training_batches(
            examples,
            batch_size=size,
            seed=run.config.seed,
            first_epoch=first_epoch,
            first_step=first_step,
            views=views,
            **augmentation(run.config),
        )

    return Stream(batches, steps_per_epoch(examples, size))


def augmentation(config: ConfigDict) -> dict[str, Any]:
    """Returns the arguments of `training_batches` and `view_batches` that say how images change."""
    return {name: config.data[name] for name in ("crop_padding", "resized_crop", "flip")}


def train_stage(
    run: Run,
    stage: str,
    model: TrainingModel,
    stream: Stream,
    *,
    section: str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    ended: Callable[[int], bool] | None = None,
) -> None:
    """Trains a stage's model in the stage's folder, and puts its history into the record.

    Args:
        run: a `Run`.
        stage: the stage's name.
        model: compiled.
        stream: the training batches.
        section: the config section of the training's settings; None: the stage's name.
        callbacks: see `fit`.
        ended: see `fit`.
    """
    section = section or stage
    plan = Plan(
        stage=stage,
        section=section,
        epochs=run.config[section].epochs,
        folder=run.folder(stage),
        stream=stream,
        validation=evaluation_batches(run.dataset.validation, run.config.data.batch_size),
        batch_norm=run.config.replicas.batch_norm,
    )
    run.record["history"][stage] = fit(model, plan, callbacks, ended)
