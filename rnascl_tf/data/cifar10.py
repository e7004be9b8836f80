"""CIFAR-10 through TensorFlow Datasets, from a prepared folder or, once, from its official page.

Validation is the tail of the official training split. The order is that of the prepared files and
never changes, so rows of the training split may be used as keys.
"""

from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from rnascl_tf.data.cifar10_archive import cannot_be_downloaded, require_archive
from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import Examples, rows_of_count
from rnascl_tf.data.places import DATA_DIR_FLAG

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2471, 0.2435, 0.2616)
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
LICENSE = "none stated; Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"
DEFAULT_VALIDATION_EXAMPLES = 1000


def load_cifar10(
    *,
    data_dir: str | Path | None = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    flag: str = DATA_DIR_FLAG,
) -> DataSet:
    """Loads CIFAR-10.

    Args:
        data_dir: folder with TFDS data sets; None for TFDS' own default. If CIFAR-10 is not
            prepared there, it is downloaded and prepared.
        validation_examples: how many examples at the end of the training split to hold out; 1000
            if None.
        train_examples: take only this many training examples, the first; the others are not decoded.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: the data is not prepared and cannot be downloaded, a file is broken, or a number
            is out of range.
    """
    builder = _prepared_builder(data_dir, flag)
    total = builder.info.splits["train"].num_examples
    if validation_examples is None:
        validation_examples = DEFAULT_VALIDATION_EXAMPLES
    kept = total - rows_of_count(validation_examples, total - 1, "validation_examples")
    if train_examples is None:
        train_examples = kept
    train_examples = rows_of_count(train_examples, kept, "train_examples")
    return DataSet(
        name="cifar10",
        train=_read(builder, f"train[:{train_examples}]"),
        validation=_read(builder, f"train[{kept}:]"),
        test=_read(builder, "test"),
        class_names=CLASS_NAMES,
        mean=MEAN,
        std=STD,
        license=LICENSE,
    )


def _prepared_builder(data_dir: str | Path | None, flag: str) -> tfds.core.DatasetBuilder:
    """Returns the TFDS builder of a prepared CIFAR-10, preparing it first where it is missing."""
    try:
        builder = tfds.builder("cifar10", data_dir=data_dir or None, try_gcs=False)
    except Exception as error:  # whatever TFDS' parsers of the folder's JSON files raise
        raise DataError(
            f"cifar10 in {data_dir or 'the default TFDS folder'} is broken: copy or prepare it "
            f"again ({error})."
        ) from error
    if not builder.data_path.is_dir():
        _prepare(builder, flag)
    if not builder.is_prepared():
        raise DataError(
            f"{builder.data_dir} holds no complete TFDS data set: remove it, or point "
            f"{flag} at the folder that holds a prepared cifar10."
        )
    return builder


def _prepare(builder: tfds.core.DatasetBuilder, flag: str) -> None:
    """Downloads and prepares CIFAR-10 in the builder's folder."""
    folder = Path(builder.data_dir)
    require_archive(folder, flag)
    try:
        builder.download_and_prepare()
    except Exception as error:  # urllib's, TFDS' and the file system's errors share no base
        raise cannot_be_downloaded(folder, flag, error) from error


def _read(builder: tfds.core.DatasetBuilder, split: str) -> Examples:
    """Reads one split, in the order of its files."""
    # One file after the other: by default TFDS interleaves the files, and the order of the rows
    # would depend on how many files were prepared.
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    try:
        rows = builder.as_dataset(split=split, batch_size=-1, read_config=in_order)
    except (tf.errors.OpError, OSError, ValueError) as error:
        raise DataError(
            f"{_broken_file(builder, split)} is missing or broken: copy or prepare it again."
        ) from error
    return Examples(rows["image"].numpy(), rows["label"].numpy().astype("int32"))


def _broken_file(builder: tfds.core.DatasetBuilder, split: str) -> str:
    """Names the first file of a split that cannot be read to its end; all of them if each can."""
    paths: list[str] = [
        instruction.filename for instruction in builder.info.splits[split].file_instructions
    ]
    for path in paths:
        try:
            for _ in tf.data.TFRecordDataset(path):
                pass
        except tf.errors.OpError:
            return path
    return " or ".join(paths)
