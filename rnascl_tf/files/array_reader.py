"""Reads NumPy archives of unknown origin: no pickled objects, and no more memory than they fill."""

import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

LARGEST_BYTES = 4 * 2**30

_END_SIGNATURE = b"PK\x05\x06"
_COUNT_OFFSET = 10
"""Where a zip archive's end record holds the number of entries (PKWARE's APPNOTE, section 4.3.16)."""
_LONGEST_END = 22 + 0xFFFF
"""Bytes of that record with the longest possible comment."""


class ArrayFileError(ValueError):
    """A file is not an archive of plain arrays; the message says why, without the file's name."""


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Returns {name: array} of an `.npz` file.

    Each array's header is compared with the archive's directory first. NumPy allocates what a header
    promises before it sees that the data is missing.

    Raises:
        OSError: the file cannot be opened.
        ArrayFileError: the file is not such an archive, is damaged, holds Python objects, or unpacks
            to more than `LARGEST_BYTES`.
    """
    path = Path(path)
    if not path.is_file() and path.exists():
        raise ArrayFileError("it is not a regular file")
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                _require_all(file, members)
                total = sum(member.file_size for member in members)
                if total > LARGEST_BYTES:
                    raise ArrayFileError(
                        f"it unpacks to {total:,} bytes, at most {LARGEST_BYTES:,} are read"
                    )
                return {m.filename.removesuffix(".npy"): _array(archive, m) for m in members}
        # All that zipfile, zlib and NumPy raise for damaged bytes.
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OSError,
            EOFError,
            MemoryError,
            NotImplementedError,
            RuntimeError,
            SyntaxError,
            OverflowError,
            struct.error,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            if isinstance(error, ArrayFileError):
                raise
            raise ArrayFileError(str(error) or type(error).__name__) from error


def _require_all(file: BinaryIO, members: list[zipfile.ZipInfo]) -> None:
    """Compares the directory's entries with their number in the archive's end record.

    If the length in one entry is damaged, `zipfile` takes the next entries for a part of it and
    reports no error.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_END))
    tail = file.read()
    end = tail.rfind(_END_SIGNATURE)
    (count,) = struct.unpack_from("<H", tail, end + _COUNT_OFFSET)
    if count != len(members):
        raise ArrayFileError(f"its directory has {len(members)} of {count} arrays")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(stream)
        promised = stream.tell() + math.prod(shape) * dtype.itemsize
        if dtype.hasobject or promised != member.file_size:
            raise ArrayFileError(f"{member.filename} is not the array that its header promises")
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)
