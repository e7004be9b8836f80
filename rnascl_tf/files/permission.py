"""Whether this process may write files, and whether a folder lets it."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

_is_reader = False


@contextlib.contextmanager
def reading_only() -> Iterator[None]:
    """Turns all writers off: of several workers that run the same code, only one keeps files."""
    global _is_reader
    before, _is_reader = _is_reader, True
    try:
        yield
    finally:
        _is_reader = before


def may_write() -> bool:
    """Whether this process keeps files. The writers ask it; so does code that removes files."""
    return not _is_reader


def why_unwritable(folder: str | Path) -> str | None:
    """Says why files could not be written below a folder that may not exist yet.

    Returns:
        "PLACE is not a folder" or "PLACE is not writable (REASON)", where PLACE is the deepest folder
        or file that exists on the way; None if nothing prevents it.
    """
    place = deepest_existing(folder)
    if not place.is_dir():
        return f"{place} is not a folder"
    # Tried, because permissions alone say that root may write everywhere, also in /proc. Where the
    # file system can, the file never has a name.
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return f"{place} is not writable ({error.strerror})"
    return None


def deepest_existing(path: str | Path) -> Path:
    """Returns the absolute path, or the deepest folder or file above it that exists."""
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    return place
