"""The training batches of a run, and its trainings, for every stage that trains."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from rnascl_tf.data import evaluation_batches, steps_per_epoch, training_batches
from rnascl_tf.runs.run import Run
from rnascl_tf.training import Plan, Stream, TrainingModel, fit


def training_stream(run: Run) -> Stream:
    """Returns the run's training batches."""
    data, examples = run.config.data, run.dataset.train

    def batches(first_epoch: int, first_step: int = 0) -> tf.data.Dataset:
        return training_batches(
            examples,
            batch_size=data.batch_size,
            seed=run.config.seed,
            first_epoch=first_epoch,
            first_step=first_step,
            crop_padding=data.crop_padding,
            resized_crop=data.resized_crop,
            flip=data.flip,
        )

    return Stream(batches, steps_per_epoch(examples, data.batch_size))


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
