"""One resumable training: Keras' `fit` with checkpoints, logs and a guard, the same for every stage."""

import sys

import keras
import tensorflow as tf
from absl import logging

from rnascl_tf.data import shared_batches
from rnascl_tf.files import may_write
from rnascl_tf.networks.supernet import PAPER_MOMENTUM
from rnascl_tf.runtime.stopping import deferred_stop
from rnascl_tf.runtime.workers import workers_of
from rnascl_tf.training.loop.checkpoint_callback import CheckpointCallback
from rnascl_tf.training.loop.checkpoints import CheckpointError, Checkpoints
from rnascl_tf.training.loop.divergence_guard import DivergenceGuard
from rnascl_tf.training.loop.epoch_log import EpochLog
from rnascl_tf.training.loop.history import HistoryLog, read_history
from rnascl_tf.training.moving_statistics import moments


def fit(
    model,
    batches,
    validation,
    *,
    epochs,
    steps_per_epoch,
    folder,
    stage,
    section,
    batch_norm="per_replica",
    callbacks=(),
    ended=None,
):
    """Trains a compiled model to `epochs`, from the last checkpoint in `folder` if there is one.

    The model's replicas share every batch. SIGINT and SIGTERM wait for the end of a step, whose
    checkpoint is written first.

    Args:
        model: a compiled `TrainingModel`; a second optimizer in `architecture_optimizer` is saved too.
        batches: function (first epoch, first step) -> endless `tf.data.Dataset`, the same batches
            whether the run was interrupted or not.
        validation: a `tf.data.Dataset`.
        epochs: length of the whole training.
        steps_per_epoch: batches in an epoch.
        folder: the stage's folder; gets `checkpoints/`, `tensorboard/` and `history.csv`.
        stage: its name, for messages.
        section: the config section that holds its learning rate, for messages.
        batch_norm: whose moments normalise in training, one of `moving_statistics.SEMANTICS`.
        callbacks: more Keras callbacks, called before the checkpoint.
        ended: function epochs_done -> bool, asked once what was restored is known: whether a callback
            had ended the training then.

    Returns:
        The history: a dict of floats for each epoch, those before the resume included.

    Raises:
        CheckpointError: there are checkpoints, and none can be read, or another worker has read
            another one.
        TrainingDivergedError: a loss term is not finite; the checkpoints stay.
        StoppedError: a signal came.
    """
    # The epoch's running means in numbers of their own: Keras resets its own ones behind a resume.
    sums = [tf.Variable(v, trainable=False) for v in _metric_variables(model)]
    checkpoints = Checkpoints(folder / "checkpoints", [*_variables(model), *sums])
    first_epoch, first_step = checkpoints.restore()
    workers = workers_of(model.distribute_strategy)
    if not workers.agree(first_epoch, first_step):
        raise CheckpointError(
            f"another worker does not see the checkpoint {checkpoints.newest} that this one goes on "
            "from: --workdir must be one folder for all of them; give the same command again on all."
        )
    if first_epoch or first_step:
        step = f", step {first_step + 1} of {steps_per_epoch}" if first_step else ""
        step = ", its validation" if first_step == steps_per_epoch else step
        logging.info("%s: resuming at epoch %d of %d%s", stage, first_epoch + 1, epochs, step)
    history = folder / "history.csv"
    if first_epoch == epochs or (ended and ended(first_epoch)):
        return read_history(history)
    every = [
        *callbacks,
        DivergenceGuard(stage, section, lambda: checkpoints.newest),
        HistoryLog(history, first_epoch),
    ]
    if may_write():
        every.append(keras.callbacks.TensorBoard(str(folder / "tensorboard"), write_graph=False))
    saving = CheckpointCallback(
        checkpoints, workers, _metric_variables(model), sums, steps_per_epoch
    )
    every += [EpochLog(stage, epochs), saving]

    def train(first_epoch, epochs, first_step=0):
        model.fit(
            _for_replicas(model, lambda: batches(first_epoch, first_step)),
            initial_epoch=first_epoch,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch - first_step,
            shuffle=False,  # the stream has shuffled
            # A bar that redraws itself fills a log file with its every state.
            verbose=1 if sys.stdout.isatty() and may_write() else 0,
            callbacks=every,
            **_validation(model, validation),
        )

    def validate(epoch):
        """Ends an epoch whose steps are all done as Keras' `fit` does."""
        listeners = keras.callbacks.CallbackList(every, model=model)
        listeners.on_train_begin()
        listeners.on_epoch_begin(epoch)
        logs = model.get_metrics_result()
        given = _validation(model, validation)
        measured = model.evaluate(
            given["validation_data"],
            steps=given.get("validation_steps"),
            callbacks=listeners,
            return_dict=True,
            verbose=0,
        )
        listeners.on_epoch_end(epoch, logs | {f"val_{k}": value for k, value in measured.items()})
        listeners.on_train_end()

    with deferred_stop(), moments(model, batch_norm):
        if first_step:
            saving.resume_at(first_step)
            if first_step == steps_per_epoch:
                validate(first_epoch)
            else:
                train(first_epoch, first_epoch + 1, first_step)
            first_epoch += 1
        if first_epoch < epochs and not model.stop_training:
            train(first_epoch, epochs)
    return read_history(history)


def _for_replicas(model, batches):
    strategy = model.distribute_strategy
    return shared_batches(batches, strategy) if strategy.num_replicas_in_sync > 1 else batches()


def _validation(model, batches):
    """Returns the validation arguments of Keras' `fit`."""
    if model.distribute_strategy.num_replicas_in_sync == 1:
        return {"validation_data": batches}
    # Keras reads a distributed data set on from where the last epoch has left it.
    return {
        "validation_data": _for_replicas(model, batches.repeat),
        "validation_steps": int(batches.cardinality()),
    }


def _variables(model):
    """Returns everything that training changes, as TensorFlow variables in a fixed order.

    A list, because Keras shows TensorFlow's checkpoints no seed generators when it is given the model
    itself: a resumed search would draw other noise.
    """
    variables = [*model.variables, *model.optimizer.variables]
    if hasattr(model, "architecture_optimizer"):
        variables += model.architecture_optimizer.variables
    return [variable.value for variable in variables]


def _metric_variables(model):
    return [variable.value for metric in model.metrics for variable in metric.variables]


def batch_norm_momentum(settings, steps_per_epoch):
    """Returns the momentum of the moving statistics for a training of this length.

    The paper's 0.997 leaves 44% of the initial statistics after 270 steps; trainings under 2,000
    steps get 0.9 unless the config says otherwise (DESIGN section 5).
    """
    if settings.batch_norm_momentum is not None:
        return settings.batch_norm_momentum
    return PAPER_MOMENTUM if settings.epochs * steps_per_epoch >= 2000 else 0.9
