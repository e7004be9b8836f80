"""Teacher signals of every training batch, computed once and read by every run that sees the batches.

A training batch is a function of (seed, epoch, step) (`rnascl_tf.data.batches`), so the teacher's
logits and attention maps for it are too. The store keeps them on disk, one folder for each epoch;
rows of a comparison then pay for the teacher once, which is more than half of a small student's
training step. Maps are kept in float16: they lie in [0, 1] and err by at most 2.5e-4, below the 5e-4
of eq. 1's float32 inner product (docs/design.md, "The method").
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnascl_tf.data import DataError, as_written
from rnascl_tf.training.loop.plan import Stream
from rnascl_tf.training.teacher_signals.parts import OnRows, Piece, StoredParts
from teachers import Signals, Teacher

_ARRAYS = {"logits": np.float32, "maps": np.float16, "index": np.int64}


class StoredSignals:
    """The signals that a store's `attach` has put into the batches.

    Args:
        teacher_layers: names of the tutors.
    """

    def __init__(self, teacher_layers: Iterable[str]) -> None:
        self.teacher_layers = tuple(teacher_layers)

    def __call__(self, batch: dict[str, tf.Tensor]) -> Signals:
        """Returns the batch's own signals."""
        return Signals(batch["teacher_logits"], batch["teacher_maps"])


class SignalStore:
    """Signals of one teacher for one stream of batches, in a folder.

    Args:
        folder: of this store, or of any number of them: see `identity.folder_of`.
        teacher: whose signals are kept.
        stream: the training batches.
        identity: a JSON-serialisable dict of everything that decides the signals: teacher, data,
            augmentation, seed, batch size, size of the maps.

    Raises:
        DataError: see `identity.folder_of`.
    """

    def __init__(
        self, folder: str | Path, teacher: Teacher, stream: Stream, identity: Mapping[str, Any]
    ) -> None:
        self._signals = tf.function(teacher.signals, autograph=False)
        self._batches = stream.batches
        self._steps = stream.steps_per_epoch
        self._parts = StoredParts(folder, identity, _ARRAYS)

    @property
    def folder(self) -> Path:
        """The folder of this store."""
        return self._parts.folder

    def missing(self, epochs: int) -> list[int]:
        """Returns those of the first `epochs` epochs that are not stored yet, a list."""
        return [epoch for epoch in range(epochs) if self._parts.missing([_name(epoch)])]

    def prepare(self, epochs: int, on_batch: OnRows | None = None) -> None:
        """Computes what is missing of the first `epochs` epochs, see `StoredParts.compute`.

        Args:
            epochs: number of epochs.
            on_batch: called as (done, total) batches of what this process computes.
        """
        numbers = {_name(epoch): epoch for epoch in range(epochs)}
        self._parts.compute(
            tuple(numbers), self._steps, lambda name: self._pieces(numbers[name]), on_batch
        )

    def attach(self, first_epoch: int, first_step: int = 0) -> tf.data.Dataset:
        """Returns the endless stream with "teacher_logits" and "teacher_maps" in every batch.

        A batch whose rows are not the stored ones, or of an epoch that was not prepared, is a
        `tf.errors.OpError` when it is asked for.
        """
        done = first_epoch * self._steps + first_step
        logits, maps = self._shapes(first_epoch)

        @as_written
        def join(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            read = tf.numpy_function(
                self._read, [step, batch["index"]], [tf.float32, tf.float16], stateful=False
            )
            return {
                **batch,
                "teacher_logits": tf.ensure_shape(read[0], logits),
                "teacher_maps": tf.cast(tf.ensure_shape(read[1], maps), tf.float32),
            }

        batches = self._batches(first_epoch, first_step).enumerate(done)
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.map(join).apply(endless).prefetch(tf.data.AUTOTUNE)

    def _pieces(self, epoch: int) -> Iterator[Piece]:
        for step, batch in enumerate(self._batches(epoch, 0).take(self._steps)):
            found = {**self._signals(batch["image"])._asdict(), "index": batch["index"]}
            yield slice(step, step + 1), {name: values[None] for name, values in found.items()}

    def _read(self, step: int, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(int(step), self._steps)
        arrays = {name: self._parts.open(_name(epoch), name) for name in _ARRAYS}
        if not np.array_equal(arrays["index"][step], index):
            raise DataError(f"{self.folder / _name(epoch)} holds other batches: remove it.")
        return np.array(arrays["logits"][step]), np.array(arrays["maps"][step])

    def _shapes(self, epoch: int) -> list[tuple[int, ...]]:
        return [self._parts.open(_name(epoch), name).shape[1:] for name in ("logits", "maps")]


def _name(epoch: int) -> str:
    return f"epoch_{epoch:04d}"
