"""What a training is given besides its model."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Stream:
    """Training batches, epoch after epoch.

    Attributes:
        batches: function (first epoch, first step) -> endless `tf.data.Dataset`: the same batches
            whether the run was interrupted before them or not.
        steps_per_epoch: batches in an epoch.
    """

    batches: Callable[[int, int], tf.data.Dataset]
    steps_per_epoch: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """A training's data, length and place.

    Attributes:
        stage: name of the stage, for messages.
        section: the config section that holds its learning rate, for messages.
        epochs: length of the whole training.
        folder: the stage's folder; gets `checkpoints/`, `tensorboard/` and `history.csv`.
        stream: the training batches.
        validation: the validation batches, as many as there are.
        batch_norm: whose moments normalise in training, one of `moving_statistics.SEMANTICS`.
    """

    stage: str
    section: str
    epochs: int
    folder: Path
    stream: Stream
    validation: tf.data.Dataset
    batch_norm: str = "per_replica"

    @property
    def history(self) -> Path:
        """The file of the epochs' means."""
        return self.folder / "history.csv"
