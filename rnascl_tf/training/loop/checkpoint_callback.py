"""When a training is saved: after every epoch, every ten minutes within one, when it must stop.

An epoch that is left after its last step still needs its validation.
"""

import time
from collections.abc import Sequence

import keras
import tensorflow as tf

from rnascl_tf.runtime.stopping import stop_now, stop_requested
from rnascl_tf.runtime.workers import Workers
from rnascl_tf.training.loop.checkpoints import Checkpoints
from rnascl_tf.training.loop.logs import Logs

SECONDS_BETWEEN = 600
"""An epoch that takes longer is also saved within."""

_SCORES = ("val_robust_accuracy", "val_accuracy")


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the training, and ends it where a signal has come.

    Several workers save and stop after the same step, whichever of them was asked.

    Args:
        checkpoints: of all variables, `sums` and `seeds` among them.
        workers: of the model's strategy.
        running: the epoch's running means, which Keras resets.
        sums: variables of the same shapes, in which they are saved.
        seeds: the variables that validation changes: it starts again if it is interrupted.
        steps_per_epoch: steps of a whole epoch.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        workers: Workers,
        running: Sequence[tf.Variable],
        sums: Sequence[tf.Variable],
        seeds: Sequence[tf.Variable],
        steps_per_epoch: int,
    ) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self._workers = workers
        self.steps_per_epoch = steps_per_epoch
        self._running = running
        self._sums = sums
        self._seeds = seeds
        self._seeds_before: list[tf.Tensor] = []
        self._first_step = 0
        self._epoch = 0
        self._saved_at = time.monotonic()

    def resume_at(self, step: int) -> None:
        """Tells that the next epoch begins after this many of its steps, perhaps after all."""
        self._first_step = step

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Restores the running means of an epoch that was interrupted."""
        self._epoch = epoch
        if self._first_step:
            for variable, value in zip(self._running, self._sums, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Saves when it is time, and stops training when that is requested."""
        step = self._first_step + batch + 1
        save, stop = self._workers.any_of(
            time.monotonic() - self._saved_at > SECONDS_BETWEEN, stop_requested()
        )
        last = step == self.steps_per_epoch
        if save or stop or last:
            for variable, value in zip(self._sums, self._running, strict=True):
                variable.assign(value)  # also after the last step: validation resets them
        if stop or (save and not last):  # the end of the epoch saves
            self._save(self._epoch, step)
        if stop:
            stop_now()

    def on_test_begin(self, logs: Logs = None) -> None:
        """Remembers from where validation draws."""
        self._seeds_before = [tf.identity(seed) for seed in self._seeds]

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Stops when that is requested: under attack a validation may take minutes."""
        if any(self._workers.any_of(stop_requested())):
            for variable, value in zip(self._seeds, self._seeds_before, strict=True):
                variable.assign(value)  # the resumed validation begins with its first batch
            self._save(self._epoch, self.steps_per_epoch)
            stop_now()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Saves, and stops training when that is requested."""
        self._first_step = 0
        logs = logs or {}
        scores = [float(logs[name]) for name in _SCORES if name in logs]
        self._save(epoch + 1, 0, scores[0] if scores else None)
        if any(self._workers.any_of(stop_requested())):
            stop_now()

    def _save(self, epochs: int, steps: int, score: float | None = None) -> None:
        self.checkpoints.save(epochs, steps, score)
        self._saved_at = time.monotonic()
