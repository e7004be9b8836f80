"""When a training is saved: behind every epoch, every ten minutes within one, when it must stop.

An epoch that is left behind its last step has its validation still before it.
"""

import time

import keras

from rnascl_tf.runtime.stopping import stop_now, stop_requested

SECONDS_BETWEEN = 600
"""An epoch that takes longer is saved in its midst."""

_SCORES = ("val_robust_accuracy", "val_accuracy")


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the training, and ends it where a signal has come.

    Several workers save and stop behind the same step, whichever of them was asked.

    Args:
        checkpoints: a `Checkpoints` of all variables, `sums` among them.
        workers: the `Workers` of the model's strategy.
        running: variables of the epoch's running means.
        sums: variables of the same shapes, in which these are saved; Keras resets the former.
        steps_per_epoch: steps of a whole epoch.
    """

    def __init__(self, checkpoints, workers, running, sums, steps_per_epoch):
        super().__init__()
        self.checkpoints = checkpoints
        self._workers = workers
        self.steps_per_epoch = steps_per_epoch
        self._running = running
        self._sums = sums
        self._first_step = 0
        self._epoch = 0
        self._saved_at = time.monotonic()

    def resume_at(self, step):
        """Says that the next epoch begins behind so many of its steps, perhaps behind all."""
        self._first_step = step

    def on_epoch_begin(self, epoch, logs=None):
        """Puts back the running means of an epoch that was left in its midst."""
        self._epoch = epoch
        if self._first_step:
            for variable, value in zip(self._running, self._sums, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        """Saves if it is time to, and stops training if that is wanted."""
        step = self._first_step + batch + 1
        save, stop = self._workers.any_of(
            time.monotonic() - self._saved_at > SECONDS_BETWEEN, stop_requested()
        )
        last = step == self.steps_per_epoch
        if save or stop or last:
            for variable, value in zip(self._sums, self._running, strict=True):
                variable.assign(value)  # also behind the last step: validation resets them
        if stop or (save and not last):  # the end of the epoch saves
            self._save(self._epoch, step)
        if stop:
            stop_now()

    def on_test_batch_end(self, batch, logs=None):
        """Stops if that is wanted: under attack a validation may take minutes."""
        if any(self._workers.any_of(stop_requested())):
            self._save(self._epoch, self.steps_per_epoch)
            stop_now()

    def on_epoch_end(self, epoch, logs=None):
        """Saves, and stops training if that is wanted."""
        self._first_step = 0
        scores = [float(logs[name]) for name in _SCORES if name in (logs or {})]
        self._save(epoch + 1, 0, scores[0] if scores else None)
        if any(self._workers.any_of(stop_requested())):
            stop_now()

    def _save(self, epochs, steps, score=None):
        self.checkpoints.save(epochs, steps, score)
        self._saved_at = time.monotonic()
