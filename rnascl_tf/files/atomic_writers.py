"""Writing files so that a reader, or a crash, only ever sees the old file or the new one.

Everything is written under a temporary name next to its place and then renamed. Within `reading_only`
nothing is kept.
"""

import contextlib
import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnascl_tf.files.permission import may_write


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path of the same file name; what is written there then replaces `path`.

    For libraries that write a file themselves. The folder of `path` must exist; the temporary path's
    folder is removed with all else that the library has left in it.
    """
    path = Path(path)
    kept = may_write()
    with _scratch(path, kept) as scratch:
        yield scratch / path.name
        if kept:
            (scratch / path.name).replace(path)


@contextlib.contextmanager
def atomic_folder(
    path: str | Path, partial: str | None = None, *, by_every_worker: bool = False
) -> Iterator[Path]:
    """Yields an empty temporary folder, which then replaces the folder `path`.

    A folder cannot be replaced in one step. The earlier one is moved aside first, and moved back if
    the new one cannot take its place; a process killed in that moment leaves neither.

    Args:
        path: the folder; its parents are created.
        partial: name of the temporary folder, next to `path`. With a name of the caller's, which
            must be the only one to write there, what a killed process left is removed. Unless
            given, a name of this process.
        by_every_worker: write within `reading_only`, too: all workers fill the place together.
    """
    path = Path(path)
    kept = by_every_worker or may_write()
    if kept:
        path.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(path, kept, partial) as scratch:
        written, earlier = scratch / "new", scratch / "earlier"
        written.mkdir()
        yield written
        if not kept:
            return
        if path.exists():
            path.rename(earlier)
        try:
            written.rename(path)
        except OSError:
            if earlier.exists():
                earlier.rename(path)
            raise


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes bytes; the folder must exist."""
    if not may_write():
        return
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text; lines end as they do in the text."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, values: object) -> None:
    """Writes indented JSON.

    Raises:
        ValueError: a number is NaN or infinite, which JSON does not have.
    """
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def write_csv(
    path: str | Path,
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
) -> None:
    """Writes a CSV table with a header; lines end in a bare newline, floats read back the same.

    Args:
        path: the file.
        rows: {column: value} each; a column that a row lacks stays empty.
        columns: their order; if None, all that the rows have, in order of first appearance.
    """
    rows = list(rows)
    if columns is None:
        columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_arrays(path: str | Path, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Writes arrays as a compressed `.npz` archive, which `read_arrays` reads.

    Raises:
        ValueError: an array holds Python objects.
    """
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes(path, content.getvalue())


def save_model(model: Any, path: str | Path) -> None:
    """Saves a Keras model as a `.keras` file."""
    if not may_write():
        return
    with atomic_file(path) as temporary:
        model.save(temporary)


@contextlib.contextmanager
def _scratch(path: Path, kept: bool, name: str | None = None) -> Iterator[Path]:
    """Yields a temporary folder, next to `path` if what is written is kept, and removes it."""
    if not kept:
        with tempfile.TemporaryDirectory() as discarded:
            yield Path(discarded)
        return
    scratch = path.with_name(name or f".{path.name}.{os.getpid()}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        # On a full disk, what was written in part would keep it full.
        shutil.rmtree(scratch, ignore_errors=True)
