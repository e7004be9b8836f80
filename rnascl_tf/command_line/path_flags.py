"""Files and folders that flags name, refused before any work where they cannot be written."""

from pathlib import Path

from rnascl_tf.command_line.command_flags import FlagError
from rnascl_tf.files import why_unwritable


def writable_folder(name: str, folder: str | Path) -> Path:
    """Returns the folder of a flag; it need not exist yet.

    Raises:
        FlagError: it cannot be made or written to.
    """
    reason = why_unwritable(folder)
    if reason is not None:
        raise FlagError(f"--{name}={folder}: {reason}; give another folder.")
    return Path(folder)


def writable_file(name: str, path: str | Path, suffix: str) -> Path:
    """Returns the file of a flag; neither it nor its folder need exist yet.

    Raises:
        FlagError: it has another suffix, is a folder, or cannot be made or written to.
    """
    path = Path(path)
    if path.suffix != suffix or path.is_dir():
        raise FlagError(f"--{name}={path} should be a {suffix} file.")
    writable_folder(name, path.parent)
    return path
