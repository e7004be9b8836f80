"""What a data set is: three splits of labelled uint8 images and the facts that belong to them.

Images stay uint8 until a batch is made, a quarter of float32's memory; everything outside this
package sees float32 in [0, 1] (DESIGN section 3).
"""

import dataclasses

import numpy as np

# Multiplying by the float32 reciprocal, not dividing, because TensorFlow's graph optimiser rewrites
# a division by a constant that way: so NumPy and tf.data give the same bits. 255 maps to exactly 1.
PIXEL_SCALE = np.float32(1 / 255)


class DataError(ValueError):
    """The user's data, or the wish made of it, is wrong; the message is one line with the fix."""


def unit_range(images):
    """Returns images as float32 in [0, 1].

    Args:
        images: uint8, any shape.

    Raises:
        DataError: `images` are not uint8.
    """
    if images.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 in 0..255, got {images.dtype}.")
    return images.astype(np.float32) * PIXEL_SCALE


def rows_of_count(count, available, name):
    """Checks a wished number of examples and returns it.

    Args:
        count: the wish.
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


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Labelled images.

    Attributes:
        images: uint8 [n, height, width, 3], RGB, 0..255.
        labels: int32 [n], 0 or more.

    Raises:
        DataError: a dtype or shape is another one, the lengths differ, or there is no example.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise DataError(
                f"images must be uint8 [n, height, width, 3], got {images.dtype} {images.shape}."
            )
        if labels.dtype != np.int32 or labels.ndim != 1:
            raise DataError(f"labels must be int32 [n], got {labels.dtype} {labels.shape}.")
        if len(images) != len(labels):
            raise DataError(f"{len(images)} images, but {len(labels)} labels: give one for each.")
        if not images.size:
            raise DataError(f"there must be at least one example and pixel, got {images.shape}.")
        if labels.min() < 0:
            raise DataError(f"labels must be 0 or more, got {labels.min()}.")

    def __len__(self):
        return len(self.labels)

    def first(self, count):
        """Returns the first `count` examples, without copying them.

        Raises:
            DataError: `count` is not in 1..n.
        """
        count = rows_of_count(count, len(self), "the number of examples")
        return Examples(self.images[:count], self.labels[:count])

    def evenly_spaced(self, count):
        """Returns `count` examples spread over all of them, rows i * n // count.

        The subset depends on n and `count` alone, so two evaluations of 1,000 images see the same.

        Raises:
            DataError: `count` is not in 1..n.
        """
        count = rows_of_count(count, len(self), "the number of examples")
        rows = np.arange(count) * len(self) // count
        return Examples(self.images[rows], self.labels[rows])

    def as_float(self):
        """Returns the images as float32 [n, height, width, 3] in [0, 1]."""
        return unit_range(self.images)


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """A data set, split once and for all.

    Attributes:
        name: its name in the registry.
        train: examples that weights are fitted on; row numbers in it identify an example.
        validation: held out of training for choosing anything.
        test: touched by the final evaluation only.
        class_names: one name per class, in label order.
        mean: per-channel mean of the images in [0, 1], for the normalisation inside a model.
        std: per-channel standard deviation, likewise.
        license: under which terms the images come, one line.

    Raises:
        DataError: the splits' image sizes differ, a label has no class, or mean and std are not
            three numbers each (std positive).
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    class_names: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    license: str

    def __post_init__(self):
        for split in ("train", "validation", "test"):
            examples = getattr(self, split)
            shape = examples.images.shape[1:]
            if shape != self.input_shape:
                raise DataError(
                    f"{self.name}: {split} images are {shape}, those of train {self.input_shape}."
                )
            if examples.labels.max() >= self.num_classes:
                raise DataError(
                    f"{self.name}: label {examples.labels.max()} in {split}, but only "
                    f"{self.num_classes} class names."
                )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise DataError(
                f"{self.name}: mean and std need three numbers each, std positive, got "
                f"{self.mean} and {self.std}."
            )

    @property
    def num_classes(self):
        """Number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self):
        """(height, width, channels) of every image."""
        return self.train.images.shape[1:]
