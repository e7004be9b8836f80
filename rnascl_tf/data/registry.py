"""Data sets by name; a loader's module, and TensorFlow with it, is imported when it is used.

To add a data set: write its loader in a file of its own here and the check of its folder in
`places.py`, add a line to `_LOADERS`, and give it a test in tests/data. A loader takes the keywords of
`load_dataset` (without `image_size` and `resized_crop` if its images have a fixed size) and returns a
`DataSet` of its name.
"""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.places import (
    DATA_DIR_FLAG,
    Folder,
    cifar10_folder,
    image_folder_layout,
    imagenet_folder,
    no_folder,
)
from rnascl_tf.spelling import did_you_mean

if TYPE_CHECKING:
    from rnascl_tf.data.dataset import DataSet


@dataclass(frozen=True)
class _Loader:
    """Where a loader is.

    Attributes:
        module: of rnascl_tf.data.
        function: its name there.
        check_place: refuses a folder, and the flag it came with, that cannot hold the data.
        side: of the square images, in pixels; None if it can be chosen.
    """

    module: str
    function: str
    check_place: Callable[[Folder, str], object]
    side: int | None = None

    def imported(self) -> Callable[..., "DataSet"]:
        return getattr(importlib.import_module(f"rnascl_tf.data.{self.module}"), self.function)


_LOADERS = {
    "digits": _Loader("digits", "load_digits", functools.partial(no_folder, "digits"), side=32),
    "cifar10": _Loader("cifar10", "load_cifar10", cifar10_folder, side=32),
    "imagenet100": _Loader("imagenet100", "load_imagenet100", imagenet_folder),
    "image_folder": _Loader("image_folder", "load_image_folder", image_folder_layout),
}

DATASETS = tuple(_LOADERS)
"""Names of the data sets."""


def check_place(name: str, data_dir: Folder, flag: str = DATA_DIR_FLAG) -> None:
    """Refuses a folder that cannot hold a data set, without TensorFlow; its files are not read.

    Args:
        name: one of `DATASETS`.
        data_dir: as for `load_dataset`.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: the name is unknown, or the data is not there.
    """
    _loader(name).check_place(data_dir, flag)


def load_dataset(
    name: str,
    *,
    data_dir: Folder = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    image_size: int | None = None,
    resized_crop: bool = False,
    flag: str = DATA_DIR_FLAG,
) -> "DataSet":
    """Loads a data set; image files are read when they are used.

    Args:
        name: one of `DATASETS`.
        data_dir: folder of prepared data, for data sets that are not embedded; None for their
            default.
        validation_examples: how many training examples to hold out; of the digits, whose split is
            fixed, how many of its validation examples to take.
        train_examples: take only this many training examples, the first; None for all.
        image_size: side of the square images, where it can be chosen; None for the default.
        resized_crop: whether the network will be trained on random-resized crops. Image files are
            then evaluated with the margin that belongs to it, `resized_crop.MARGIN`.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: the name is unknown, the data is missing or broken, or a number is out of range.
    """
    loader = _loader(name)
    if loader.side is not None and image_size not in (None, loader.side):
        raise DataError(
            f"{name} has images of {loader.side}x{loader.side}: unset image_size, got {image_size}."
        )
    size = {} if loader.side else {"image_size": image_size, "resized_crop": resized_crop}
    return loader.imported()(
        data_dir=data_dir,
        validation_examples=validation_examples,
        train_examples=train_examples,
        flag=flag,
        **size,
    )


def _loader(name: str) -> _Loader:
    if name not in _LOADERS:
        raise DataError(
            f"unknown data set {name!r}{did_you_mean(name, DATASETS)}: give one of "
            f"{', '.join(DATASETS)}."
        )
    return _LOADERS[name]
