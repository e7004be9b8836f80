"""One resumable training: Keras' `fit` with checkpoints, logs and a guard, the same for every stage."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from rnascl_tf.data import shared_batches
from rnascl_tf.files import may_write
from rnascl_tf.runtime.stopping import deferred_stop
from rnascl_tf.runtime.workers import workers_of
from rnascl_tf.training.loop.checkpoint_callback import CheckpointCallback
from rnascl_tf.training.loop.checkpoints import CheckpointError, Checkpoints
from rnascl_tf.training.loop.divergence_guard import DivergenceGuard
from rnascl_tf.training.loop.epoch_log import EpochLog
from rnascl_tf.training.loop.history import HistoryLog, read_history
from rnascl_tf.training.loop.plan import Plan
from rnascl_tf.training.moving_statistics import moments
from rnascl_tf.training.training_model import TrainingModel


def fit(
    model: TrainingModel,
    plan: Plan,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    ended: Callable[[int], bool] | None = None,
) -> list[dict[str, Any]]:
    """Trains a compiled model, from the last checkpoint if there is one.

    The model's replicas share every batch. SIGINT and SIGTERM wait for the end of a step, whose
    checkpoint is written first.

    Args:
        model: a compiled `TrainingModel`; a second optimizer in `architecture_optimizer` is saved too.
        plan: its data, length and place.
        callbacks: more Keras callbacks, called before the checkpoint.
        ended: function epochs_done -> bool, asked once after restoring: whether a callback had ended
            the training by then.

    Returns:
        The history: a dict of floats for each epoch, those before the resume included.

    Raises:
        CheckpointError: there are checkpoints, but none can be read, or another worker has read
            another one.
        TrainingDivergedError: a loss term is not finite; the checkpoints stay.
        StoppedError: a signal came.
    """
    training = _Training(model, plan)
    epoch, step = training.restore()
    if epoch < plan.epochs and not (ended and ended(epoch)):
        with deferred_stop(), moments(model, plan.batch_norm):
            training.run(epoch, step, callbacks)
    return read_history(plan.history)


class _Training:
    """A model on its way through its epochs."""

    def __init__(self, model: TrainingModel, plan: Plan) -> None:
        self._model, self._plan = model, plan
        self._workers = workers_of(model.distribute_strategy)
        # The epoch's running means, saved in variables of their own: Keras resets its own ones after a
        # resume.
        self._sums = [tf.Variable(v, trainable=False) for v in _metric_variables(model)]
        self._checkpoints = Checkpoints(
            plan.folder / "checkpoints", [*_variables(model), *self._sums]
        )
        self._callbacks: list[keras.callbacks.Callback] = []

    def restore(self) -> tuple[int, int]:
        """Restores the newest checkpoint; returns the epochs done, and the steps done after them."""
        epoch, step = self._checkpoints.restore()
        if not self._workers.agree(epoch, step):
            raise CheckpointError(
                f"another worker does not see the checkpoint {self._checkpoints.newest} from which "
                "this one resumes: --workdir must be one folder for all of them; give the same command "
                "again on all."
            )
        if epoch == self._plan.epochs:
            logging.info("%s: all %d epochs have been trained", self._plan.stage, epoch)
        elif epoch or step:
            steps = self._plan.stream.steps_per_epoch
            place = f", step {step + 1} of {steps}" if step else ""
            place = ", its validation" if step == steps else place
            logging.info(
                "%s: resuming at epoch %d of %d%s",
                self._plan.stage,
                epoch + 1,
                self._plan.epochs,
                place,
            )
        return epoch, step

    def run(self, epoch: int, step: int, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Trains from a step of an epoch to the end of the plan, or until a callback ends it."""
        plan = self._plan
        saving = self._set_callbacks(epoch, callbacks)
        if step:
            saving.resume_at(step)
            if step == plan.stream.steps_per_epoch:
                self._validate(epoch)
            else:
                self._train(epoch, epoch + 1, step)
            epoch += 1
        if epoch < plan.epochs and not self._model.stop_training:
            self._train(epoch, plan.epochs)

    def _set_callbacks(
        self, first_epoch: int, callbacks: Sequence[keras.callbacks.Callback]
    ) -> CheckpointCallback:
        """Puts the callbacks in their order; returns the one that saves, which comes last."""
        plan, model = self._plan, self._model
        saving = CheckpointCallback(
            self._checkpoints,
            self._workers,
            _metric_variables(model),
            self._sums,
            [variable.value for variable in model.validation_seeds],
            plan.stream.steps_per_epoch,
        )
        self._callbacks = [
            *callbacks,
            DivergenceGuard(plan.stage, plan.section, lambda: self._checkpoints.newest),
            HistoryLog(plan.history, first_epoch),
        ]
        if may_write():
            board = keras.callbacks.TensorBoard(str(plan.folder / "tensorboard"), write_graph=False)
            self._callbacks.append(board)
        self._callbacks += [EpochLog(plan.stage, plan.epochs), saving]
        return saving

    def _train(self, first_epoch: int, epochs: int, first_step: int = 0) -> None:
        stream = self._plan.stream
        self._model.fit(
            _for_replicas(self._model, lambda: stream.batches(first_epoch, first_step)),
            initial_epoch=first_epoch,
            epochs=epochs,
            steps_per_epoch=stream.steps_per_epoch - first_step,
            shuffle=False,  # the stream has shuffled
            # A bar that redraws itself fills a log file with its every state.
            verbose=1 if sys.stdout.isatty() and may_write() else 0,
            callbacks=self._callbacks,
            **self._validation(),
        )

    def _validate(self, epoch: int) -> None:
        """Ends an epoch whose steps are all done, in the way Keras' `fit` does."""
        listeners = keras.callbacks.CallbackList(self._callbacks, model=self._model)
        listeners.on_train_begin()
        listeners.on_epoch_begin(epoch)
        logs = self._model.means.results()  # and not what validation alone measures
        given = self._validation()
        measured = self._model.evaluate(
            given["validation_data"],
            steps=given.get("validation_steps"),
            callbacks=listeners,
            return_dict=True,
            verbose=0,
        )
        listeners.on_epoch_end(epoch, logs | {f"val_{k}": value for k, value in measured.items()})
        listeners.on_train_end()

    def _validation(self) -> dict[str, Any]:
        """Returns the validation arguments of Keras' `fit`."""
        batches = self._plan.validation
        if self._model.distribute_strategy.num_replicas_in_sync == 1:
            return {"validation_data": batches}
        # Keras reads a distributed data set on from where the last epoch has left it.
        return {
            "validation_data": _for_replicas(self._model, batches.repeat),
            "validation_steps": int(batches.cardinality()),
        }


def _for_replicas(
    model: TrainingModel, batches: Callable[[], tf.data.Dataset]
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    strategy = model.distribute_strategy
    return shared_batches(batches, strategy) if strategy.num_replicas_in_sync > 1 else batches()


def _variables(model: TrainingModel) -> list[tf.Variable]:
    """Returns everything that training changes, as TensorFlow variables in a fixed order.

    A list, because Keras shows TensorFlow's checkpoints no seed generators when it is given the model
    itself: a resumed search would draw other noise.
    """
    variables = [*model.variables, *model.optimizer.variables]
    if hasattr(model, "architecture_optimizer"):
        variables += model.architecture_optimizer.variables
    return [variable.value for variable in variables]


def _metric_variables(model: TrainingModel) -> list[tf.Variable]:
    return [variable.value for metric in model.metrics for variable in metric.variables]
