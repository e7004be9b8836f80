"""The per-epoch log of a stage, `history.csv`: what Keras' CSVLogger writes, but right after a resume.

A run killed between the log and the checkpoint would log that epoch twice; here the rows from the
resumed epoch on are dropped, and the file is always whole.
"""

import csv
import time
from pathlib import Path

import keras

from rnascl_tf.errors import UserError
from rnascl_tf.files import write_csv
from rnascl_tf.training.loop.logs import Logs


class HistoryError(UserError):
    """A `history.csv` that is damaged; the message is one line."""


def read_history(path: Path) -> list[dict[str, float]]:
    """Returns the rows of a `history.csv`, "epoch" an integer; [] if there is no file.

    Raises:
        HistoryError: it is damaged.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            rows = [
                {name: float(value) for name, value in row.items() if value != ""}
                for row in csv.DictReader(file)
            ]
        return [{**row, "epoch": int(row["epoch"])} for row in rows]
    except (ValueError, KeyError, TypeError, OverflowError, csv.Error) as error:
        raise HistoryError(
            f"{path} is damaged: remove it; the training continues without its rows so far."
        ) from error


class HistoryLog(keras.callbacks.Callback):
    """Appends one row per epoch: its number, seconds, and every logged mean.

    Args:
        path: of the CSV file.
        first_epoch: where training starts or resumes; the rows from there on are dropped.
    """

    def __init__(self, path: Path, first_epoch: int = 0) -> None:
        super().__init__()
        self.path = path
        self.rows = [row for row in read_history(path) if row["epoch"] < first_epoch]
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Starts the clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Rewrites the file with the epoch's row."""
        row = {"epoch": epoch, "seconds": round(time.monotonic() - self._started, 3)}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append(row)
        write_csv(self.path, self.rows)
