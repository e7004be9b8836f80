"""Where each data set's files are; a place that cannot be right is refused without TensorFlow.

Each check takes the folder that the user gave, or None, and the flag that it came with, for the
message. What the files hold is for the loaders to find out.
"""

import os
from pathlib import Path

from rnascl_tf.data.cifar10_archive import VERSION, require_archive
from rnascl_tf.data.errors import DataError

DATA_DIR_FLAG = "--config.data.data_dir"
"""The main command's flag; other commands have their own."""

COMPLETE = "complete.json"
"""Written last when ImageNet-100's classes are copied out of TFDS' files."""

SPLITS = ("train", "val", "test")
"""Folders of a user's own images, in this order."""

Folder = str | Path | None


def no_folder(name: str, data_dir: Folder, flag: str) -> None:
    """Checks that no folder came for a data set that is embedded.

    Raises:
        DataError: one did.
    """
    if data_dir:
        raise DataError(
            f"{name} is embedded and reads no folder: leave {flag} out, got {flag}={data_dir}."
        )


def cifar10_folder(data_dir: Folder, flag: str) -> Path:
    """Returns the folder of TFDS' CIFAR-10, which need not be there if it can be downloaded.

    Raises:
        DataError: it is not there and cannot be downloaded.
    """
    folder = tfds_folder(data_dir) / "cifar10"
    if not folder.is_dir():
        require_archive(folder / VERSION, flag)
    return folder


def image_folder_layout(data_dir: Folder, flag: str) -> tuple[Path, list[str], tuple[str, ...]]:
    """Returns a folder of images, which of `SPLITS` it has, and its classes in label order.

    Raises:
        DataError: there is no such folder, `train` or a second split is missing, or the splits differ
            in their classes or have fewer than two.
    """
    from rnascl_tf.data.class_folders import class_names, refuse_other_classes  # imports Pillow

    wanted = "a folder with train/CLASS/* and val/CLASS/*"
    if not data_dir:
        raise DataError(f"image_folder needs {flag}=FOLDER, {wanted}.")
    folder = Path(data_dir)
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(f"{flag}={folder} {what}: give {wanted}.")
    splits = [name for name in SPLITS if (folder / name).is_dir()]
    if "train" not in splits or len(splits) < 2:
        raise DataError(
            f"{flag}={folder} should hold train/CLASS/* and val/CLASS/*, but has "
            f"{' and '.join(splits) or 'neither train nor val'}: make a folder for each split, "
            "with one folder in it for each class."
        )
    classes = class_names(folder / "train")
    for split in splits[1:]:
        refuse_other_classes(folder / split, classes)
    return folder, splits, classes


def imagenet_folder(data_dir: Folder, flag: str) -> Path:
    """Returns the folder that holds ImageNet in one of the three forms that `load_imagenet100` reads.

    Raises:
        DataError: it holds none.
    """
    folder = tfds_folder(data_dir)
    prepared = any((folder / "imagenet2012").glob("*/dataset_info.json"))
    if not ((folder / "train").is_dir() or is_extracted(folder / "imagenet100") or prepared):
        raise DataError(
            f"no ImageNet in {folder}: give {flag}=FOLDER with train/WNID/* and "
            "val/WNID/*, or with imagenet2012 as TFDS prepares it from the archives that you get "
            "at image-net.org/download-images (they cannot be downloaded by a program): put "
            "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar in "
            f'{folder}/downloads/manual and run `python -c "import tensorflow_datasets as tfds; '
            f"tfds.builder('imagenet2012', data_dir='{folder}').download_and_prepare()\"`."
        )
    return folder


def is_extracted(folder: Path) -> bool:
    """Returns whether the copy of ImageNet-100's classes into a folder has ended."""
    return (folder / COMPLETE).exists()


def tfds_folder(data_dir: Folder) -> Path:
    """Returns the folder with TFDS' data sets: the one given, or TFDS' own default."""
    default = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    return Path(data_dir or default).expanduser()
