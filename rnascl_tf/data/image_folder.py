"""A user's own images: FOLDER/train/CLASS/* and FOLDER/val/CLASS/*, any number of classes and sizes.

The classes are the folders of `train` in alphabetical order; the other splits must have the same
classes. A folder with both `val` and `test` has its own validation and test split. If it has one of
them, that is the test split, and a tenth of `train` is held out for validation: at most 1,000 images,
each class in proportion.

The training examples come in `stratified_order`, and those held out are the first of it; the other
splits are sorted by class and name.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnascl_tf.data.class_folders import (
    check_files,
    class_files,
    listed,
)
from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import rows_of_count
from rnascl_tf.data.file_examples import FileExamples
from rnascl_tf.data.places import DATA_DIR_FLAG, image_folder_layout
from rnascl_tf.data.resized_crop import MARGIN
from rnascl_tf.data.stratified_order import stratified_order

# Statistics of ImageNet's training images, the usual constants for photographs.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
DEFAULT_IMAGE_SIZE = 224
SMALLEST_IMAGE_SIZE = 8
LICENSE = "that of the folder's images"
MOST_HELD_OUT = 1000


def load_image_folder(
    *,
    data_dir: str | Path | None = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    image_size: int | None = None,
    resized_crop: bool = False,
    flag: str = DATA_DIR_FLAG,
) -> DataSet:
    """Loads the images of a folder; their pixels are read from the files when they are used.

    Every file is checked here: its header, and that it is whole.

    Args:
        data_dir: the folder.
        validation_examples: how many training examples to hold out; must be unset if the folder has
            both `val` and `test`.
        train_examples: take only this many training examples, the first.
        image_size: side of the square images; 224 if None.
        resized_crop: whether training will use random-resized crops; evaluation then takes the
            centre with `resized_crop.MARGIN`.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: the folder does not have the layout above, has a single class, a class without
            images or a broken image, or a number is out of range.
    """
    folder, splits, classes = image_folder_layout(data_dir, flag)
    return read_class_folders(
        "image_folder",
        folder,
        classes,
        LICENSE,
        validation_split="val" if len(splits) == 3 else None,
        test_split=splits[-1],
        validation_examples=validation_examples,
        train_examples=train_examples,
        image_size=image_size,
        resized_crop=resized_crop,
    )


def read_class_folders(
    name: str,
    folder: Path,
    classes: Sequence[str],
    license: str,
    *,
    validation_split: str | None = None,
    test_split: str,
    validation_examples: int | None,
    train_examples: int | None,
    image_size: int | None,
    resized_crop: bool,
    most_held_out: int = MOST_HELD_OUT,
) -> DataSet:
    """Returns the `DataSet` of some class folders; folders of other classes are ignored.

    Args:
        name: of the data set.
        folder: holds SPLIT/CLASS/*.
        classes: names of the class folders, in label order.
        license: of the images, one line.
        validation_split: name of the validation split's folder; None to hold examples out of `train`.
        test_split: name of the test split's folder.
        validation_examples: as for `load_image_folder`.
        train_examples: likewise.
        image_size: likewise.
        resized_crop: likewise.
        most_held_out: without `validation_examples` a tenth of `train` is held out, but at most
            this many.

    Raises:
        DataError: as for `load_image_folder`.
    """
    side = _checked_size(image_size)
    if validation_split and validation_examples is not None:
        raise DataError(
            f"{folder} has its own validation images in {validation_split}: unset "
            f"validation_examples, got {validation_examples}."
        )
    train = _stratified(folder, "train", classes)
    test = _sorted(folder, test_split, classes)
    if validation_split:
        validation = _sorted(folder, validation_split, classes)
    else:
        if validation_examples is None:
            validation_examples = max(1, min(most_held_out, len(train) // 10))
        count = rows_of_count(validation_examples, len(train) - 1, "validation_examples")
        validation, train = train[:count], train[count:]
    _refuse_untrained_classes(train, classes)
    if train_examples is not None:
        train = train[: rows_of_count(train_examples, len(train), "train_examples")]
    check_files([folder / path for _, path in (*train, *validation, *test)])
    margin = MARGIN if resized_crop else 1.0

    def examples(rows: Sequence[tuple[int, str]]) -> FileExamples:
        labels, paths = zip(*rows, strict=True)
        return FileExamples(folder, paths, np.array(labels, np.int32), side, margin)

    return DataSet(
        name=name,
        train=examples(train),
        validation=examples(validation),
        test=examples(test),
        class_names=tuple(classes),
        mean=MEAN,
        std=STD,
        license=license,
    )


def _checked_size(image_size: int | None) -> int:
    side = DEFAULT_IMAGE_SIZE if image_size is None else image_size
    if not isinstance(side, int) or isinstance(side, bool) or side < SMALLEST_IMAGE_SIZE:
        raise DataError(
            f"image_size must be an integer, {SMALLEST_IMAGE_SIZE} pixels or more, got {side!r}."
        )
    return side


def _sorted(folder: Path, split: str, classes: Sequence[str]) -> list[tuple[int, str]]:
    """Returns a split's (label, path relative to the folder), by class and name."""
    return [
        (label, f"{split}/{name}/{file}")
        for label, name in enumerate(classes)
        for file in class_files(folder / split, name)
    ]


def _stratified(folder: Path, split: str, classes: Sequence[str]) -> list[tuple[int, str]]:
    """Returns what `_sorted` does, in stratified order."""
    # The hash leaves the split's name out, so that renaming its folder does not change the order.
    names = [[f"{name}/{file}" for file in class_files(folder / split, name)] for name in classes]
    return [(label, f"{split}/{name}") for label, name in stratified_order(names)]


def _refuse_untrained_classes(train: Sequence[tuple[int, str]], classes: Sequence[str]) -> None:
    trained = {label for label, _ in train}
    untrained = [name for label, name in enumerate(classes) if label not in trained]
    if untrained:
        raise DataError(
            f"no training image is left of {listed(untrained)}: lower validation_examples or add "
            "images."
        )
