"""Stops a training whose loss is no longer a number, before it can damage a checkpoint."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from rnascl_tf.errors import UserError
from rnascl_tf.training.loop.logs import Logs


class TrainingDivergedError(UserError):
    """A loss term became NaN or infinite; the message names it."""


class DivergenceGuard(keras.callbacks.Callback):
    """Raises at the first loss term that is not finite; runs before the checkpoint callback.

    Args:
        stage: the stage's name, for the message.
        section: the config section that holds its learning rate.
        last_checkpoint: finds the last good checkpoint.
    """

    # The sum comes last, so that the message names the term which broke it.
    _ORDER = ("cross_entropy", "divergence", "attention", "cost_factor")

    def __init__(
        self, stage: str, section: str, last_checkpoint: Callable[[], Path | None]
    ) -> None:
        super().__init__()
        self.stage = stage
        self.section = section
        self.last_checkpoint = last_checkpoint
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Checks the running means: a NaN in any step stays in them."""
        self._check(logs or {}, f"step {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Checks validation too: the last update's damage shows only there."""
        self._check(logs or {}, "validation")

    def _check(self, logs: dict[str, Any], place: str) -> None:
        names = [name for name in self._ORDER if name in logs]
        names += [name for name in logs if name not in names]
        for name in names:
            if not math.isfinite(float(logs[name])):
                kept = self.last_checkpoint()
                raise TrainingDivergedError(
                    f"{self.stage}: the loss term {name} became {float(logs[name])} at epoch "
                    f"{self._epoch + 1}, {place}; "
                    + (f"the checkpoint {kept} is kept" if kept else "no epoch had ended yet")
                    + f". Give a lower --config.{self.section}.learning_rate, and another --workdir."
                )
