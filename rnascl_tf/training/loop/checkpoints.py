"""Checkpoints of a training: whole folders, renamed into place; behind a damaged one is another.

`DIR/<stage>/checkpoints/00007_00042/` was written when 7 epochs and 42 steps of the eighth were done.
TensorFlow's reader checks the sum of every tensor it reads, so a flipped bit is found too.
"""

import math
import re
import shutil
from pathlib import Path

import tensorflow as tf
from absl import logging

from rnascl_tf.errors import UserError
from rnascl_tf.files import atomic_folder, may_write

KEPT = 3
"""Newest checkpoints that stay; the one of the best epoch stays beside them."""

_NAME = re.compile(r"(\d{5,})_(\d{5,})")
_PARTIAL = ".partial"


class CheckpointError(UserError):
    """No checkpoint can be read, or none be written; the message is one line."""


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: a `pathlib.Path`; made when it is needed.
        variables: TensorFlow variables, in an order that is always the same: all that training
            changes. Names would not do: Keras shows checkpoints no seed generators.
    """

    def __init__(self, folder, variables):
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

    def restore(self):
        """Restores the newest checkpoint that can be read; returns (epochs, steps behind them) done.

        Raises:
            CheckpointError: there are some, and none can be read.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                self._checkpoint.read(str(path / "state")).assert_consumed()
            except Exception as error:  # a damaged file raises whatever its readers do
                logging.warning(
                    "%s is damaged (%s): the one before it is used",
                    path,
                    _reason(error),
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
                "%s holds checkpoints of an older version, which are not read: the stage begins anew",
                self.folder,
            )
        return 0, 0

    def save(self, epochs, steps=0, score=None):
        """Writes a checkpoint and removes those that are too old.

        All workers call it, because a variable may be spread over them; one keeps the files.

        Args:
            epochs: number of whole epochs done.
            steps: number of steps done of the next one.
            score: what the last epoch is worth, the more the better; None between epochs.
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

    def _write(self, folder):
        try:
            self._checkpoint.write(str(folder / "state"))
        except tf.errors.OpError as error:
            raise CheckpointError(
                f"{self.folder}: no checkpoint could be written ({_reason(error)}); those before it "
                "stay: mend this, and the same command resumes."
            ) from error

    def paths(self):
        """Returns the folders of all checkpoints, oldest first."""
        found = self.folder.glob("*_*") if self.folder.exists() else ()
        named = {path: _NAME.fullmatch(path.name) for path in found if path.is_dir()}
        # As numbers: from 100,000 steps on names have more digits.
        whole = [path for path, match in named.items() if match]
        return sorted(whole, key=lambda path: tuple(map(int, named[path].groups())))

    @property
    def newest(self):
        """The newest checkpoint's folder; None before the first."""
        return (self.paths() or [None])[-1]

    def _remove_old(self):
        best = self.folder / f"{int(self._best_epoch.numpy()):05d}_00000"
        for path in self.paths()[:-KEPT]:
            if path != best:
                shutil.rmtree(path)


def _reason(error):
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return message.splitlines()[0][:200]
