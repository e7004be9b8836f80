"""Finding and checking the files of FOLDER/SPLIT/CLASS/*.

Files in folders below a class's belong to the class; hidden files and folders, and files without the
suffix of an image, are left out.
"""

import os
import time
from pathlib import PurePath

from absl import logging

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import threads
from rnascl_tf.data.image_files import SUFFIXES, check_image

_SECONDS_BETWEEN_REPORTS = 10
_MOST_NAMED = 5


def class_names(split_folder):
    """Returns the names of a split's class folders, sorted.

    Args:
        split_folder: a `Path`.

    Raises:
        DataError: there are fewer than two.
    """
    names = sorted(
        entry.name
        for entry in split_folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if len(names) < 2:
        raise DataError(
            f"{split_folder} should have at least two folders, one for each class, but has "
            f"{listed(names) or 'none'}."
        )
    return tuple(names)


def class_files(split_folder, name):
    """Returns the image files of one class, sorted, relative to the class's folder.

    Args:
        split_folder: a `Path`.
        name: of the class.

    Returns:
        A list of names with forward slashes.

    Raises:
        DataError: there is none.
    """
    folder = split_folder / name
    found = []
    for parent, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        folders[:] = [child for child in folders if not child.startswith(".")]
        relative = os.path.relpath(parent, folder).replace(os.sep, "/")
        prefix = "" if relative == "." else f"{relative}/"
        found += [
            prefix + file
            for file in files
            if not file.startswith(".") and PurePath(file).suffix.lower() in SUFFIXES
        ]
    if not found:
        raise DataError(
            f"{folder} holds no image: put files there that end in {', '.join(sorted(SUFFIXES))}, "
            "or remove the class from every split."
        )
    return sorted(found)


def refuse_other_classes(split_folder, classes):
    """Raises DataError if a split has not exactly these classes, naming the difference."""
    found = class_names(split_folder)
    missing = sorted(set(classes) - set(found))
    unknown = sorted(set(found) - set(classes))
    if missing or unknown:
        differences = [
            f"{what} {listed(names)}"
            for what, names in (("lacks", missing), ("also has", unknown))
            if names
        ]
        raise DataError(
            f"{split_folder} should have the class folders of {split_folder.with_name('train')}, "
            f"but {' and '.join(differences)}."
        )


def check_files(paths):
    """Reads the header of every file, and whether it is whole, many at a time.

    Progress is logged where it takes long.

    Args:
        paths: a list of paths.

    Raises:
        DataError: of the first file that `check_image` refuses.
    """
    reported = time.monotonic()
    for done, _ in enumerate(threads().map(check_image, paths)):
        if time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            logging.info("images checked: %d of %d", done, len(paths))


def _raise(error):
    # By default os.walk leaves out what it may not read.
    raise error


def listed(names):
    """Returns the first names in one phrase, and how many there are in all."""
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} ... ({len(names)} in all)"
