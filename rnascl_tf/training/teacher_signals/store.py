"""Teacher signals of every training batch, computed once and read by every run that sees the batches.

A training batch is a function of (seed, epoch, step) (`rnascl_tf.data.batches`), so the teacher's
logits and attention maps for it are too. The store keeps them on disk, one folder for each epoch;
rows of a comparison then pay for the teacher once, which is more than half of a small student's
training step. Maps are kept in float16: they lie in [0, 1] and err by at most 2.5e-4, below the 5e-4
of eq. 1's float32 inner product (docs/design.md, "The method").
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnascl_tf.data import DataError
from rnascl_tf.files import atomic_folder, write_json
from rnascl_tf.training.loop.plan import Stream
from teachers import Signals, Teacher

_ARRAYS = {"logits": np.float32, "maps": np.float16, "index": np.int64}


class StoredSignals:
    """The signals that `SignalStore.attach` has put into the batches.

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
        folder: shared by any number of stores; each has a subfolder named after its `identity`.
        teacher: whose signals are kept.
        stream: the training batches.
        identity: a JSON-serialisable dict of everything that decides the signals: teacher, data,
            augmentation, seed, batch size, size of the maps.
    """

    def __init__(
        self, folder: str | Path, teacher: Teacher, stream: Stream, identity: Mapping[str, Any]
    ) -> None:
        self._signals = tf.function(teacher.signals, autograph=False)
        self._batches = stream.batches
        self._steps = stream.steps_per_epoch
        self._identity = identity
        text = json.dumps(identity, sort_keys=True)
        self.folder = Path(folder) / hashlib.sha256(text.encode()).hexdigest()[:16]

    def missing(self, epochs: int) -> list[int]:
        """Returns those of the first `epochs` epochs that are not stored yet, a list."""
        return [epoch for epoch in range(epochs) if not self._epoch_folder(epoch).exists()]

    def prepare(self, epochs: int, on_batch: Callable[[int, int], None] | None = None) -> None:
        """Computes what is missing of the first `epochs` epochs; an interrupted one starts again.

        Several processes may fill one store: each takes an epoch that no other computes, and all
        end when everything is there.

        Args:
            epochs: number of epochs.
            on_batch: called as (done, total) batches of what this process computes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "identity.json", self._identity)
        wanted = self.missing(epochs)
        # First what is free, then what others held: a process that died has left its epoch undone.
        done = 0
        for wait in (False, True):
            for epoch in wanted:
                with self._locked(epoch, wait) as held:
                    if held and not self._epoch_folder(epoch).exists():
                        self._compute(
                            epoch, done * self._steps, len(wanted) * self._steps, on_batch
                        )
                        done += 1

    def attach(self, first_epoch: int, first_step: int = 0) -> tf.data.Dataset:
        """Returns the endless stream with "teacher_logits" and "teacher_maps" in every batch.

        A batch whose rows are not the stored ones, or of an epoch that was not prepared, is a
        `tf.errors.OpError` when it is asked for.
        """
        done = first_epoch * self._steps + first_step
        logits, maps = self._shapes(first_epoch)

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

    @contextlib.contextmanager
    def _locked(self, epoch: int, wait: bool) -> Iterator[bool]:
        with (self.folder / f"epoch_{epoch:04d}.lock").open("w") as file:
            try:
                # The lock ends with the process, however that ends.
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def _compute(
        self, epoch: int, done: int, total: int, on_batch: Callable[[int, int], None] | None
    ) -> None:
        # The epoch's lock is held: what is there under this name was left by a killed process.
        partial = f"epoch_{epoch:04d}.part"
        place = atomic_folder(self._epoch_folder(epoch), partial, by_every_worker=True)
        with place as temporary:
            arrays: dict[str, np.memmap] = {}
            for step, batch in enumerate(self._batches(epoch, 0).take(self._steps)):
                found = {**self._signals(batch["image"])._asdict(), "index": batch["index"]}
                for name, dtype in _ARRAYS.items():
                    values = found[name].numpy().astype(dtype)
                    if name not in arrays:
                        path = temporary / f"{name}.npy"
                        shape = (self._steps, *values.shape)
                        arrays[name] = np.lib.format.open_memmap(path, "w+", dtype, shape)
                        _reserve(path)
                    arrays[name][step] = values
                if on_batch:
                    on_batch(done + step + 1, total)
            for array in arrays.values():
                array.flush()

    def _read(self, step: int, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        epoch, step = divmod(int(step), self._steps)
        arrays = {name: self._open(epoch, name) for name in _ARRAYS}
        if not np.array_equal(arrays["index"][step], index):
            raise DataError(f"{self._epoch_folder(epoch)} holds other batches: remove it.")
        return np.array(arrays["logits"][step]), np.array(arrays["maps"][step])

    def _shapes(self, epoch: int) -> list[tuple[int, ...]]:
        return [self._open(epoch, name).shape[1:] for name in ("logits", "maps")]

    def _open(self, epoch: int, name: str) -> np.ndarray:
        path = self._epoch_folder(epoch) / f"{name}.npy"
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path} is damaged ({error}): remove {path.parent}.") from error

    def _epoch_folder(self, epoch: int) -> Path:
        return self.folder / f"epoch_{epoch:04d}"


def _reserve(path: Path) -> None:
    """Takes the file's space on the disk now, so that a full disk is an error and not a crash.

    A memory map's file is sparse: writing to a page for which there is no space kills the process.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
