"""NumPy archives from anywhere, read as data of bounded size: no pickle, no array but those there."""

import math
import os
import struct
import zipfile
import zlib

import numpy as np

LARGEST_BYTES = 4 * 2**30

_END_SIGNATURE = b"PK\x05\x06"
_COUNT_OFFSET = 10
"""Of the number of entries in a zip archive's end record (PKWARE's APPNOTE, section 4.3.16)."""
_LONGEST_END = 22 + 0xFFFF
"""Bytes of that record with the longest comment."""


class ArrayFileError(ValueError):
    """No archive of plain arrays; the message says what is wrong with it, without the file's name."""


def read_arrays(path):
    """Returns {name: array} of an `.npz` file.

    Each array's header is read first: one that promises more than the archive's directory gives it
    would have its memory allocated before NumPy sees that nothing comes.

    Args:
        path: a `pathlib.Path`.

    Raises:
        OSError: it cannot be opened.
        ArrayFileError: it is no such archive, is damaged, holds Python objects, or unpacks to over
            `LARGEST_BYTES`.
    """
    if not path.is_file() and path.exists():
        raise ArrayFileError("it is no regular file")
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                _require_all(file, members)
                total = sum(member.file_size for member in members)
                if total > LARGEST_BYTES:
                    raise ArrayFileError(
                        f"it unpacks to {total:,} bytes, {LARGEST_BYTES:,} at most are read"
                    )
                return {m.filename.removesuffix(".npy"): _array(archive, m) for m in members}
        # What zipfile, zlib and NumPy raise over damaged bytes; all of them say it in one line.
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


def _require_all(file, members):
    """Compares the directory's entries with their number in the archive's end record.

    A damaged length in one entry makes `zipfile` take the next entries for a part of it, and say
    nothing.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_END))
    tail = file.read()
    end = tail.rfind(_END_SIGNATURE)
    (count,) = struct.unpack_from("<H", tail, end + _COUNT_OFFSET)
    if count != len(members):
        raise ArrayFileError(f"its directory has {len(members)} of {count} arrays")


def _array(archive, member):
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
