"""Data sets by name."""

import difflib

from rnascl_tf.data.cifar10 import load_cifar10
from rnascl_tf.data.dataset import DataError
from rnascl_tf.data.digits import load_digits

DATASETS = {"digits": load_digits, "cifar10": load_cifar10}


def load_dataset(name, *, data_dir=None, validation_examples=None, train_examples=None):
    """Returns a data set, in memory.

    Args:
        name: one of `DATASETS`.
        data_dir: folder of prepared data, for those that are not embedded; unset: their default.
        validation_examples: how many training examples to hold out, where the split is not fixed.
        train_examples: take the first so many training examples only; unset: all.

    Raises:
        DataError: the name is unknown, the data is missing or broken, or a number is out of range.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(str(name), DATASETS, n=1)
        hint = f", did you mean {near[0]}?" if near else "."
        raise DataError(f"unknown data set {name!r}: give one of {', '.join(DATASETS)}{hint}")
    return DATASETS[name](
        data_dir=data_dir,
        validation_examples=validation_examples,
        train_examples=train_examples,
    )
