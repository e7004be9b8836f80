"""Finding and checking the files of FOLDER/SPLIT/CLASS/*.

Files in subfolders of a class belong to the class. Hidden files and folders, and files without the
suffix of an image, are left out.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NoReturn

from absl import logging

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.image_files import SUFFIXES, check_image

_SECONDS_BETWEEN_REPORTS = 10
_MOST_NAMED = 5


def class_names(split_folder: Path) -> tuple[str, ...]:
    """Returns the names of a split's class folders, sorted.

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


def class_files(split_folder: Path, name: str) -> list[str]:
    """Returns the image files of a class, sorted, relative to the class's folder, with slashes.

    Raises:
        DataError: there are none.
    """
    folder = split_folder / name
    found: list[str] = []
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
            f"{folder} holds no images: put files there that end in {', '.join(sorted(SUFFIXES))}, "
            "or remove the class from every split."
        )
    return sorted(found)


def refuse_other_classes(split_folder: Path, classes: Sequence[str]) -> None:
    """Checks that a split has exactly these classes.

    Raises:
        DataError: it does not; the message names the difference.
    """
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


def check_files(paths: Sequence[Path]) -> None:
    """Checks every file with `check_image`, several at a time; logs its progress if it takes long.

    Raises:
        DataError: that of the first file refused.
    """
    from rnascl_tf.data.examples import threads  # imports TensorFlow

    reported = time.monotonic()
    for done, _ in enumerate(threads().map(check_image, paths)):
        if time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            logging.info("images checked: %d of %d", done, len(paths))


def _raise(error: OSError) -> NoReturn:
    # By default os.walk skips what it may not read.
    raise error


def listed(names: Sequence[str]) -> str:
    """Returns the first few names in one phrase and, if there are more, how many in all."""
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} ... ({len(names)} in all)"
