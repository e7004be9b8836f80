"""One line for each epoch: its means, its time, and how long the training will still take."""

import time

import keras
from absl import logging

from rnascl_tf.console import duration
from rnascl_tf.training.loop.logs import Logs


class EpochLog(keras.callbacks.Callback):
    """Logs every epoch after its validation.

    Args:
        stage: the stage's name.
        epochs: length of the whole training.
    """

    def __init__(self, stage: str, epochs: int) -> None:
        super().__init__()
        self.stage = stage
        self.epochs = epochs
        self._began = 0.0
        self._seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Starts the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Logs the line; the time left is that of the fastest half of the epochs so far."""
        self._seconds.append(time.monotonic() - self._began)
        # The first epoch holds the tracing, and other work comes and goes.
        usual = sorted(self._seconds)[(len(self._seconds) - 1) // 2]
        means = {name: float(value) for name, value in (logs or {}).items()}
        left = usual * (self.epochs - epoch - 1)
        logging.get_absl_logger().info(
            "%s: epoch %d of %d: %s; %s, about %s left",
            self.stage,
            epoch + 1,
            self.epochs,
            ", ".join(f"{name} {value:.4g}" for name, value in means.items()),
            duration(self._seconds[-1]),
            duration(left),
            extra={
                "fields": {
                    "stage": self.stage,
                    "epoch": epoch + 1,
                    "epochs": self.epochs,
                    "means": means,
                    "seconds": round(self._seconds[-1], 3),
                    "seconds_left": round(left, 1),
                }
            },
        )
