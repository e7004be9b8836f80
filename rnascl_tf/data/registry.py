"""Data sets by name."""

import difflib

from rnascl_tf.data.cifar10 import load_cifar10
from rnascl_tf.data.digits import load_digits
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.image_folder import load_image_folder
from rnascl_tf.data.imagenet100 import load_imagenet100

_FIXED_SIZE = {"digits": (load_digits, 32), "cifar10": (load_cifar10, 32)}
_ANY_SIZE = {"imagenet100": load_imagenet100, "image_folder": load_image_folder}
DATASETS = (*_FIXED_SIZE, *_ANY_SIZE)
"""Names of the data sets."""


def load_dataset(
    name,
    *,
    data_dir=None,
    validation_examples=None,
    train_examples=None,
    image_size=None,
    resized_crop=False,
):
    """Returns a data set; that of an image folder is read from its files when it is used.

    Args:
        name: one of `DATASETS`.
        data_dir: folder of prepared data, for those that are not embedded; unset: their default.
        validation_examples: how many training examples to hold out, where the split is not fixed.
        train_examples: take the first so many training examples only; unset: all.
        image_size: side of the square images, where the data leave it free; unset: their default.
        resized_crop: whether the network will be trained on random-resized crops: then images of
            files are shown in evaluation as is usual with it, see `resized_crop.MARGIN`.

    Raises:
        DataError: the name is unknown, the data is missing or broken, or a number is out of range.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(str(name), DATASETS, n=1)
        hint = f", did you mean {near[0]}?" if near else "."
        raise DataError(f"unknown data set {name!r}: give one of {', '.join(DATASETS)}{hint}")
    wishes = {
        "data_dir": data_dir,
        "validation_examples": validation_examples,
        "train_examples": train_examples,
    }
    if name in _ANY_SIZE:
        return _ANY_SIZE[name](image_size=image_size, resized_crop=resized_crop, **wishes)
    load, side = _FIXED_SIZE[name]
    if image_size not in (None, side):
        raise DataError(f"{name} has images of {side}x{side}: unset image_size, got {image_size}.")
    return load(**wishes)
