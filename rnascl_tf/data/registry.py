"""Data sets by name; a loader's module, and TensorFlow with it, is imported when it is used.

To add a data set: write its loader in a file of its own here, add a line to `_LOADERS`, and give it a
test in tests/data. A loader takes the keywords of `load_dataset` (without the last two if its images
have a fixed size) and returns a `DataSet` of its name.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnascl_tf.data.errors import DataError
from rnascl_tf.spelling import did_you_mean

if TYPE_CHECKING:
    from rnascl_tf.data.dataset import DataSet


@dataclass(frozen=True)
class _Loader:
    """Where a loader is.

    Attributes:
        module: of rnascl_tf.data.
        function: its name there.
        side: of the square images, in pixels; None if it can be chosen.
    """

    module: str
    function: str
    side: int | None = None

    def imported(self) -> Callable[..., "DataSet"]:
        return getattr(importlib.import_module(f"rnascl_tf.data.{self.module}"), self.function)


_LOADERS = {
    "digits": _Loader("digits", "load_digits", side=32),
    "cifar10": _Loader("cifar10", "load_cifar10", side=32),
    "imagenet100": _Loader("imagenet100", "load_imagenet100"),
    "image_folder": _Loader("image_folder", "load_image_folder"),
}

DATASETS = tuple(_LOADERS)
"""Names of the data sets."""


def load_dataset(
    name: str,
    *,
    data_dir: str | Path | None = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    image_size: int | None = None,
    resized_crop: bool = False,
) -> "DataSet":
    """Loads a data set; image files are read when they are used.

    Args:
        name: one of `DATASETS`.
        data_dir: folder of prepared data, for data sets that are not embedded; None for their
            default.
        validation_examples: how many training examples to hold out, where the split is not fixed.
        train_examples: take only this many training examples, the first; None for all.
        image_size: side of the square images, where it can be chosen; None for the default.
        resized_crop: whether the network will be trained on random-resized crops. Image files are
            then evaluated with the margin that belongs to it, `resized_crop.MARGIN`.

    Raises:
        DataError: the name is unknown, the data is missing or broken, or a number is out of range.
    """
    if name not in _LOADERS:
        raise DataError(
            f"unknown data set {name!r}{did_you_mean(name, DATASETS)}: give one of "
            f"{', '.join(DATASETS)}."
        )
    loader = _LOADERS[name]
    if loader.side is not None and image_size not in (None, loader.side):
        raise DataError(
            f"{name} has images of {loader.side}x{loader.side}: unset image_size, got {image_size}."
        )
    size = {} if loader.side else {"image_size": image_size, "resized_crop": resized_crop}
    return loader.imported()(
        data_dir=data_dir,
        validation_examples=validation_examples,
        train_examples=train_examples,
        **size,
    )
