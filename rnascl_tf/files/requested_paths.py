"""Files and folders that a request names, refused before any work where they cannot be used."""

from pathlib import Path

from rnascl_tf.errors import UserError
from rnascl_tf.files.permission import deepest_existing, why_unwritable


def require_file(path: str | Path, wanted: str, flag: str = "") -> Path:
    """Returns the path of a file that is there.

    Args:
        path: of the file.
        wanted: what it should be, "an image file", for the message.
        flag: what the path follows in the message, "--config.teacher.onnx=".

    Raises:
        UserError: there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{flag}{path} is a folder: give {wanted}.")
    if not path.exists():
        raise UserError(f"{flag}{path} does not exist: give {wanted}.")
    return path


def possible_folder(name: str, folder: str | Path) -> Path:
    """Returns a folder that is there or could be made, writable or not.

    Args:
        name: of the flag, for the message.
        folder: its path.

    Raises:
        UserError: it is a file, or below one.
    """
    place = deepest_existing(folder)
    if not place.is_dir():
        which = "" if place == Path(folder).absolute() else f": {place}"
        raise UserError(f"--{name}={folder}{which} is not a folder; give another folder.")
    return Path(folder)


def writable_folder(name: str, folder: str | Path) -> Path:
    """Returns a folder to write to; it need not exist yet.

    Args:
        name: of the flag, for the message.
        folder: its path.

    Raises:
        UserError: it cannot be made or written to.
    """
    possible_folder(name, folder)
    reason = why_unwritable(folder)
    if reason is not None:
        raise UserError(f"--{name}={folder}: {reason}; give another folder.")
    return Path(folder)


def writable_file(name: str, path: str | Path, suffix: str) -> Path:
    """Returns a file to write; neither it nor its folder need exist yet.

    Args:
        name: of the flag, for the message.
        path: of the file.
        suffix: that it must have, with its dot.

    Raises:
        UserError: it has another suffix, is a folder, or cannot be made or written to.
    """
    path = Path(path)
    if path.suffix != suffix or path.is_dir():
        raise UserError(f"--{name}={path} should be a {suffix} file.")
    writable_folder(name, path.parent)
    return path
