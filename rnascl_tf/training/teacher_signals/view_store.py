"""Teacher signals of fixed views, computed once and read in every epoch of every run.

With K fixed views of each training image (`rnascl_tf.data.fixed_views`) a teacher has K answers to
each, whatever the number of epochs. The store keeps them on disk, one folder for each view, a row for
each image. Logits are float32. Maps are float16, packed no larger than their layers
(`rnascl_tf.layers.packed_attention`), and resized when they are read, as in the live path; they err by
at most 5e-4. A row of a half-width ResNet-18 (17 taps, 10 classes) takes 4.2 kB.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnascl_tf.data import DataError, as_written
from rnascl_tf.layers import unpack_maps
from rnascl_tf.training.loop.plan import Stream
from rnascl_tf.training.teacher_signals.parts import OnRows, Piece, StoredParts
from teachers import Teacher

_ARRAYS = {"logits": np.float32, "maps": np.float16}


class ViewStore:
    """Signals of one teacher for the fixed views of n images, in a folder.

    Args:
        folder: of this store, or of any number of them: see `identity.folder_of`.
        teacher: whose signals are kept.
        views: number of views; a store that has more or fewer is the same one.
        examples: n.
        view_batches: function from a view's number to its batches, all images in order.
        identity: a JSON-serialisable dict of everything that decides the signals: teacher, data,
            augmentation, seed, size of the maps.

    Attributes:
        folder: the folder of this store.
        total_bytes: what all views take on the disk.

    Raises:
        DataError: see `identity.folder_of`.
    """

    def __init__(
        self,
        folder: str | Path,
        teacher: Teacher,
        views: int,
        examples: int,
        view_batches: Callable[[int], tf.data.Dataset],
        identity: Mapping[str, Any],
    ) -> None:
        self._teacher = teacher
        self._examples = examples
        self._view_batches = view_batches
        self._parts = StoredParts(folder, identity, _ARRAYS)
        self._numbers = {f"view_{view:04d}": view for view in range(views)}
        self.folder = self._parts.folder
        self._numbers_per_map = sum(height * width for height, width in teacher.packed_shapes)
        self.total_bytes = views * examples * (4 * teacher.num_classes + 2 * self._numbers_per_map)

    def missing(self) -> list[int]:
        """Returns the views that are not stored yet, a list."""
        return [self._numbers[name] for name in self._parts.missing(tuple(self._numbers))]

    def prepare(self, on_image: OnRows | None = None) -> None:
        """Computes the views that are missing, see `StoredParts.compute`.

        Args:
            on_image: called as (done, total) images of what this process computes.
        """
        self._parts.compute(tuple(self._numbers), self._examples, self._pieces, on_image)

    def attach(self, stream: Stream) -> Stream:
        """Returns a stream of fixed views with "teacher_logits" and "teacher_maps" in every batch.

        Args:
            stream: batches with "view" and "index".

        Raises:
            DataError: an array is missing or damaged, or not of this teacher and these images.
        """
        arrays = {
            name: [self._opened(part, name, width) for part in self._numbers]
            for name, width in (
                ("logits", self._teacher.num_classes),
                ("maps", self._numbers_per_map),
            )
        }
        shapes, size = self._teacher.packed_shapes, self._teacher.attention_size

        def read(view: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(_rows(of_views, view, index) for of_views in arrays.values())

        @as_written
        def join(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            logits, packed = tf.numpy_function(
                read, [batch["view"], batch["index"]], list(_ARRAYS.values()), stateful=False
            )
            rows = batch["index"].shape[0]
            logits = tf.ensure_shape(logits, [rows, self._teacher.num_classes])
            packed = tf.ensure_shape(packed, [rows, self._numbers_per_map])
            maps = unpack_maps(tf.cast(packed, tf.float32), shapes, size)
            return {**batch, "teacher_logits": logits, "teacher_maps": maps}

        def batches(first_epoch: int, first_step: int = 0) -> tf.data.Dataset:
            return stream.batches(first_epoch, first_step).map(join).prefetch(tf.data.AUTOTUNE)

        return Stream(batches, stream.steps_per_epoch)

    def _pieces(self, name: str) -> Iterator[Piece]:
        first = 0
        for batch in self._view_batches(self._numbers[name]):
            found = self._teacher.packed_signals(batch["image"])
            rows = slice(first, first + len(batch["image"]))
            yield rows, found._asdict()
            first = rows.stop

    def _opened(self, part: str, array: str, width: int) -> np.ndarray:
        found = self._parts.open(part, array)
        if found.shape != (self._examples, width):
            raise DataError(
                f"{self.folder / part / array}.npy holds {found.shape} numbers, not "
                f"{(self._examples, width)}: remove {self.folder / part}."
            )
        return found


def _rows(arrays: list[np.ndarray], view: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Returns row index[i] of array view[i] for each i."""
    found = np.empty((len(index), arrays[0].shape[1]), arrays[0].dtype)
    for number, array in enumerate(arrays):
        chosen = view == number
        found[chosen] = array[index[chosen]]
    return found
