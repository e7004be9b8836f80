"""Keeps the network of the best validation epoch, and may end a training that no longer gets better.

Adversarial training overfits: robust accuracy on unseen images falls while that on training images
rises (Rice, Wong and Kolter 2020, "Overfitting in adversarially robust deep learning").
"""

from pathlib import Path
from typing import Any

import keras
from absl import logging

from rnascl_tf.errors import first_line
from rnascl_tf.files import load_keras_file, may_write, save_model
from rnascl_tf.training.loop.checkpoints import KEPT, CheckpointError


class BestEpoch(keras.callbacks.Callback):
    """Saves the network whenever validation accuracy under attack reaches a new maximum.

    The files carry their epoch, and as many predecessors of the best one stay as there are checkpoints:
    a run that resumes from any of them finds the file that it names.

    Args:
        network: what is saved.
        folder: where `best_<epoch>.keras` is written, atomically.
        best: float32 [2], (accuracy, epoch) of the best so far, saved with the training state;
            (-1, -1) before the first.
        patience: epochs without a new maximum after which training ends, at least 1; None: it never
            does.
    """

    METRIC = "val_robust_accuracy"

    def __init__(
        self,
        network: keras.Model,
        folder: Path,
        best: keras.Variable,
        patience: int | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.folder = folder
        self.patience = patience
        self.best = best

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compares the epoch with the best; the first of equals stays."""
        accuracy = float((logs or {})[self.METRIC])
        best_accuracy, best_epoch = self.best.numpy()
        if accuracy > best_accuracy:
            save_model(self.network, self._path(epoch))
            self.best.assign([accuracy, epoch])
            self._remove_old(epoch)
        elif self.ended(epoch + 1):
            logging.info(
                "validation accuracy under attack is best at epoch %d (%.1f%%) and has not risen "
                "for %d epochs: training ends",
                best_epoch + 1,
                100 * best_accuracy,
                self.patience,
            )
            self.model.stop_training = True

    def ended(self, epochs_done: int) -> bool:
        """Returns whether training ends after this many epochs, also when it is resumed there."""
        best_epoch = int(self.best.numpy()[1])
        if self.patience is None or best_epoch < 0:
            return False
        return epochs_done - 1 - best_epoch >= self.patience

    def restore(self, result: Path) -> tuple[float, int]:
        """Loads the best epoch's weights into the network; returns (accuracy, epoch from 0).

        Args:
            result: where the stage then saves the network. A run that is killed after the epochs' files
                are removed, and before the stage is recorded as finished, resumes from this file.

        Raises:
            CheckpointError: neither file is there, or the one that is there is damaged.
            OSError: it may not be read.
        """
        accuracy, epoch = self.best.numpy()
        path = self._path(int(epoch))
        if not path.exists() and not result.exists():
            raise CheckpointError(
                f"neither {path}, the best epoch's network, nor {result} is there: start this stage "
                "again with --overwrite."
            )
        path = path if path.exists() else result
        try:
            saved = load_keras_file(path)
        except (PermissionError, MemoryError):
            raise
        except Exception as error:  # each reader of the file's parts raises errors of its own
            raise CheckpointError(
                f"{path}, the best epoch's network, is damaged "
                f"({first_line(error, 200)}): start this stage again with --overwrite."
            ) from error
        # Its weights alone: the network at hand carries this run's names and seeds. Keras' own
        # `load_weights` goes by the classes of the layers, and a version of ours may have changed one.
        self.network.set_weights(saved.get_weights())
        return float(accuracy), int(epoch)

    def _path(self, epoch: int) -> Path:
        return self.folder / f"best_{epoch}.keras"

    def _remove_old(self, epoch: int) -> None:
        if not may_write():
            return
        # Later ones are left of epochs that are trained again, from an older checkpoint.
        earlier = [path for path in _best_files(self.folder) if _epoch_of(path) < epoch]
        for path in earlier[:-KEPT]:
            path.unlink()


def remove_best_files(folder: Path) -> None:
    """Removes the files of `BestEpoch` from a folder; of several workers the chief does."""
    for path in _best_files(folder) if may_write() else ():
        path.unlink()


def _best_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("best_[0-9]*.keras"), key=_epoch_of)


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix("best_"))
