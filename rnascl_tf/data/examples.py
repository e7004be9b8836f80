"""Labelled images, wherever they live: what batches, attacks and tests ask of them.

`Examples` holds its images in memory; `FileExamples` (file_examples.py) reads them from disk when
they are asked for. Everything outside this room may use either.
"""

import abc
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from PIL import Image

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.resized_crop import random_resized_crop

# A float32 reciprocal to multiply by, because TensorFlow's graph optimiser rewrites a division by a
# constant that way: NumPy and tf.data then give the same bits. 255 maps to exactly 1.
PIXEL_SCALE = np.float32(1 / 255)


def unit_range(images: np.ndarray) -> np.ndarray:
    """Returns images as float32 in [0, 1].

    Args:
        images: uint8, any shape.

    Raises:
        DataError: `images` are not uint8.
    """
    if images.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 in 0..255, got {images.dtype}.")
    return images.astype(np.float32) * PIXEL_SCALE


def rows_of_count(count: object, available: int, name: str) -> int:
    """Checks a requested number of examples and returns it.

    Args:
        count: the number requested.
        available: how many there are.
        name: what the count is called, for the message.

    Raises:
        DataError: `count` is not an integer in 1..available.
    """
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool):
        raise DataError(f"{name} must be an integer, got {count!r}.")
    if not 1 <= count <= available:
        raise DataError(f"{name} must be 1 to {available} (all there are), got {count}.")
    return int(count)


def evenly_spaced_rows(count: int, available: int) -> np.ndarray:
    """Returns int64 [count], rows i * available // count, `count` in 1..available."""
    return np.arange(count) * available // count


class LabelledImages(abc.ABC):
    """n labelled images, each known by its row 0..n-1.

    Attributes:
        labels: int32 [n], 0 or more.
    """

    labels: np.ndarray

    @property
    @abc.abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of every image that `pixels` and `crops` give."""

    @abc.abstractmethod
    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Returns the images of `rows`, int [b], as uint8 [b, height, width, 3]."""

    @abc.abstractmethod
    def original(self, row: int) -> Image.Image:
        """Returns the image of one row in its own size, in RGB."""

    @abc.abstractmethod
    def select(self, rows: slice | np.ndarray) -> "LabelledImages":
        """Returns the examples of `rows`, a slice or int [b]."""

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "LabelledImages":
        """Returns the first `count` examples.

        Raises:
            DataError: `count` is not in 1..n.
        """
        return self.select(slice(rows_of_count(count, len(self), "the number of examples")))

    def evenly_spaced(self, count: int) -> "LabelledImages":
        """Returns `count` examples spread over all of them, rows i * n // count.

        The subset depends on n and `count` alone, so two evaluations of 1,000 images see the same.

        Raises:
            DataError: `count` is not in 1..n.
        """
        count = rows_of_count(count, len(self), "the number of examples")
        return self.select(evenly_spaced_rows(count, len(self)))

    def as_float(self) -> np.ndarray:
        """Returns all images as float32 [n, height, width, 3] in [0, 1]."""
        return unit_range(self.pixels(np.arange(len(self))))

    def fingerprint(self) -> str:
        """Returns a hexadecimal digest that tells these examples from others of the data set."""
        return hashlib.sha256(self.labels.tobytes()).hexdigest()

    def crops(self, rows: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Returns random-resized crops of the originals.

        Args:
            rows: int [b].
            draws: floats [b, resized_crop.DRAWS] in [0, 1), which decide the boxes.

        Returns:
            uint8 [b, height, width, 3].
        """
        height, width, _ = self.image_shape

        def crop(row: int, numbers: np.ndarray) -> np.ndarray:
            return np.asarray(random_resized_crop(self.original(row), (height, width), numbers))

        return np.stack(list(threads().map(crop, rows, draws)))

    def reader(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns `pixels` as a function of tensors, for tf.data."""
        return functools.partial(self._read, self.pixels)

    def crop_reader(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Returns `crops` as a function of tensors, for tf.data."""
        return functools.partial(self._read, self.crops)

    def _read(self, function: Callable[..., np.ndarray], *arguments: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(function, arguments, tf.uint8, stateful=False)
        return tf.ensure_shape(images, [arguments[0].shape[0], *self.image_shape])


@dataclasses.dataclass(frozen=True, eq=False)
class Examples(LabelledImages):
    """Labelled images in memory.

    Attributes:
        images: uint8 [n, height, width, 3], RGB, 0..255.
        labels: int32 [n], 0 or more.

    Raises:
        DataError: a dtype or shape is wrong, the lengths differ, or there is no example.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise DataError(
                f"images must be uint8 [n, height, width, 3], got {images.dtype} {images.shape}."
            )
        if labels.dtype != np.int32 or labels.ndim != 1:
            raise DataError(f"labels must be int32 [n], got {labels.dtype} {labels.shape}.")
        if len(images) != len(labels):
            raise DataError(
                f"{len(images)} images, but {len(labels)} labels: give one label for each image."
            )
        if not images.size:
            raise DataError(f"there must be at least one example and pixel, got {images.shape}.")
        if labels.min() < 0:
            raise DataError(f"labels must be 0 or more, got {labels.min()}.")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of every image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Returns the images of `rows`, int [b], as uint8 [b, height, width, 3]."""
        return self.images[rows]

    def original(self, row: int) -> Image.Image:
        """Returns the image of one row, in RGB."""
        return Image.fromarray(self.images[row])

    def select(self, rows: slice | np.ndarray) -> "Examples":
        """Returns the examples of `rows`; those of a slice are not copied."""
        return Examples(self.images[rows], self.labels[rows])

    def reader(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns `pixels` as a function of tensors, for tf.data."""
        # tf.data runs on the host; otherwise the whole split would first be copied to a GPU.
        with tf.device("CPU:0"):
            images = tf.constant(self.images)
        return lambda rows: tf.gather(images, rows)


@functools.cache
def threads() -> ThreadPoolExecutor:
    """Returns the threads that decode images: one for each processor, shared by all pipelines.

    Pillow releases the interpreter's lock while it decodes and resizes.
    """
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="images")
