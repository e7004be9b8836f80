"""Checkpoints of a training: whole folders, renamed into place; before a damaged one is another.

`DIR/<stage>/checkpoints/00007_00042/` was written when 7 epochs and 42 steps of the eighth were done.
TensorFlow's reader checks the sum of every tensor it reads, so a flipped bit is found too.
"""

import math
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf
from absl import logging

from rnascl_tf.errors import UserError, first_line
from rnascl_tf.files import atomic_folder, may_write

KEPT = 3
"""How many of the newest checkpoints stay; that of the best epoch stays as well."""

_NAME = re.compile(r"(\d{5,})_(\d{5,})")
_PARTIAL = ".partial"


class CheckpointError(UserError):
    """A checkpoint cannot be read or written; the message is one line."""


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: created when it is needed.
        variables: all that training changes, in an order that is always the same. Names would not do:
            Keras shows checkpoints no seed generators.
    """

    def __init__(self, folder: str | Path, variables: Iterable[tf.Variable]) -> None:
        self.folder = Path(folder)
        self._epochs = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._best = tf.Variable(-math.inf, dtype=tf.float64, trainable=False)
        self._best_epoch = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            epochs=self._epochs,
            steps=self._steps,
            best=self._best,
            best_epoch=self._best_epoch,
            variables=list(variables),
        )

    def restore(self) -> tuple[int, int]:
        """Restores the newest checkpoint that can be read; returns epochs done, and steps after them.

        Raises:
            CheckpointError: there are checkpoints, but none can be read.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                self._checkpoint.read(str(path / "state")).assert_consumed()
            except Exception as error:  # a damaged file raises whatever its readers do
                logging.warning(
                    "%s is damaged (%s): the one before it is used",
                    path,
                    first_line(error, 200),
                )
            else:
                return int(self._epochs.numpy()), int(self._steps.numpy())
        if paths:
            raise CheckpointError(
                f"none of the {len(paths)} checkpoints in {self.folder} can be read: start this "
                "stage again with --overwrite."
            )
        if (self.folder / "checkpoint").exists():
            logging.warning(
                "%s holds checkpoints of an older version, which are not read: the stage starts again",
                self.folder,
            )
        return 0, 0

    def save(self, epochs: int, steps: int = 0, score: float | None = None) -> None:
        """Writes a checkpoint and removes those that are too old.

        All workers call it, because a variable may be spread over them; one keeps the files.

        Args:
            epochs: number of whole epochs done.
            steps: number of steps done of the next one.
            score: how good the last epoch is, higher is better; None between epochs.
        """
        self._epochs.assign(epochs)
        self._steps.assign(steps)
        if score is not None and score > self._best.numpy():
            self._best.assign(score)
            self._best_epoch.assign(epochs)
        with atomic_folder(self.folder / f"{epochs:05d}_{steps:05d}", _PARTIAL) as temporary:
            self._write(temporary)
        if may_write():
            self._remove_old()

    def _write(self, folder: Path) -> None:
        try:
            self._checkpoint.write(str(folder / "state"))
        except tf.errors.OpError as error:
            raise CheckpointError(
                f"{self.folder}: no checkpoint could be written ({first_line(error, 200)}); the "
                "earlier ones stay: fix this, and the same command resumes."
            ) from error

    def paths(self) -> list[Path]:
        """Returns the folders of all checkpoints, oldest first."""
        numbered = {}
        for path in self.folder.glob("*_*") if self.folder.exists() else ():
            match = _NAME.fullmatch(path.name)
            if match and path.is_dir():
                numbered[path] = tuple(map(int, match.groups()))
        # By number: from 100,000 steps on names have more digits.
        return sorted(numbered, key=numbered.__getitem__)

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint's folder; None before the first."""
        paths = self.paths()
        return paths[-1] if paths else None

    def _remove_old(self) -> None:
        best = self.folder / f"{int(self._best_epoch.numpy()):05d}_00000"
        for path in self.paths()[:-KEPT]:
            if path != best:
                shutil.rmtree(path)
