"""Writing files so that a reader, or a crash, only ever sees the old file or the new one."""

import contextlib
import json
import os
from pathlib import Path

_is_reader = False


@contextlib.contextmanager
def reading_only():
    """Within it nothing here writes: several workers run the same code, and one keeps the files."""
    global _is_reader
    before, _is_reader = _is_reader, True
    try:
        yield
    finally:
        _is_reader = before


def writes():
    """Returns whether this process keeps files; code that writes or removes by itself asks."""
    return not _is_reader


def write_bytes(path, content):
    """Writes bytes to a temporary name in the same folder, then renames it over `path`."""
    if not writes():
        return
    path = Path(path)
    with _temporary(path, f".{path.name}.{os.getpid()}.partial") as temporary:
        temporary.write_bytes(content)


def write_text(path, text):
    """Writes UTF-8 text as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path, values):
    """Writes indented JSON as `write_text` does; refuses NaN, which JSON does not have."""
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def save_model(model, path):
    """Saves a Keras model as a `.keras` file as `write_bytes` does."""
    if not writes():
        return
    path = Path(path)
    # Keras insists on the suffix, so the temporary name keeps it.
    with _temporary(path, f".{path.stem}.{os.getpid()}.partial.keras") as temporary:
        model.save(temporary)


@contextlib.contextmanager
def _temporary(path, name):
    """Gives a name beside `path` that is this process' own, and renames what it gets over `path`."""
    temporary = path.with_name(name)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        # On a full disk the half that was written would keep it full.
        temporary.unlink(missing_ok=True)
        raise


def why_unwritable(folder):
    """Says why files could not be written below a folder that may not exist yet.

    Args:
        folder: a path.

    Returns:
        "PLACE is no folder" or "PLACE may not be written to", of the deepest place that exists; None
        if nothing stands in the way.
    """
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return f"{place} is no folder"
    return None if os.access(place, os.W_OK) else f"{place} may not be written to"
