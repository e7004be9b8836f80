"""Catastrophic overfitting, seen: a single-step attack that no longer finds what PGD finds.

A network that trains on single-step attacks may learn, within an epoch, to bend its loss so that one
step finds nothing: accuracy under the training's own attack rises, under PGD it falls to nothing (Wong
et al. 2020, section 5.4).

The two accuracies are of two image sets, and may be of two networks: the one that trains, on training
images, and the one that validation judges, on validation images. An average lags.
"""

from pathlib import Path

import keras
from absl import logging

from rnascl_tf.training.adversarial.training_attack import TrainingAttack
from rnascl_tf.training.loop.history import read_history
from rnascl_tf.training.loop.logs import Logs

FALL = 0.5
"""A breakdown leaves less than this part of the best accuracy under PGD. It leaves nearly nothing, and
robust overfitting costs a tenth, so that the number matters little."""


class BreakdownWarning(keras.callbacks.Callback):
    """Warns once, at the first epoch that shows a breakdown.

    Args:
        stage: the stage's name.
        attack: the training's own.
        judge: the PGD of validation.
        history: path of the training's `history.csv`, whose epochs a resumed training goes on from.
        remedy: the flag with which `BestEpoch` keeps the best epoch; None: it does so.
        averaged: whether validation judges the averaged network.
    """

    def __init__(
        self,
        stage: str,
        attack: TrainingAttack,
        judge: TrainingAttack,
        history: Path,
        remedy: str | None,
        *,
        averaged: bool,
    ) -> None:
        super().__init__()
        self._stage = stage
        self._attack, self._judge = attack, judge
        self._averaged = averaged
        self._history = history
        self._remedy = remedy
        self._seen: list[tuple[float, float]] = []
        self._warned = False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Reads the epochs before a resume."""
        rows = read_history(self._history)
        self._seen = [(row["accuracy"], row["val_robust_accuracy"]) for row in rows]
        self._warned = any(map(self._broken, range(len(self._seen))))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compares the epoch with the best before it."""
        means = logs or {}
        self._seen[epoch:] = [(float(means["accuracy"]), float(means["val_robust_accuracy"]))]
        if self._warned or not self._broken(epoch):
            return
        self._warned = True
        best = self._best_before(epoch)
        (old_own, old_robust), (own, robust) = self._seen[best], self._seen[epoch]
        logging.warning(
            "%s: training has broken down (catastrophic overfitting): from epoch %d to %d accuracy on "
            "training images under its own %s rose from %.1f%% to %.1f%%, that %son validation images "
            "under PGD-%d fell from %.1f%% to %.1f%%; %s",
            self._stage,
            best + 1,
            epoch + 1,
            self._attack.name,
            100 * old_own,
            100 * own,
            "of the averaged network " if self._averaged else "",
            self._judge.steps,
            100 * old_robust,
            100 * robust,
            f"epoch {best + 1} is kept unless a later one is better"
            if self._remedy is None
            else f"give {self._remedy} to keep epoch {best + 1}",
        )

    def _best_before(self, epoch: int) -> int:
        return max(range(epoch), key=lambda earlier: self._seen[earlier][1])

    def _broken(self, epoch: int) -> bool:
        if epoch == 0:
            return False
        old_own, old_robust = self._seen[self._best_before(epoch)]
        own, robust = self._seen[epoch]
        return own > old_own and robust < FALL * old_robust
