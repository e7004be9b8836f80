"""A store's parts (epochs or views): folders of arrays, each computed once by one of several processes.

A part is there as a whole or not at all, so that a killed process loses the part that it was computing
and nothing else.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnascl_tf.data import DataError
from rnascl_tf.files import atomic_folder, write_json
from rnascl_tf.training.teacher_signals.identity import FILE, folder_of

Piece = tuple[slice, Mapping[str, npt.ArrayLike]]
"""Which rows of a part's arrays, and their values by array."""

OnRows = Callable[[int, int], None]
"""Called as (done, total) rows of what this process computes."""


class StoredParts:
    """The parts of one store.

    Args:
        place: see `identity.folder_of`.
        identity: likewise.
        dtypes: of the arrays of each part, by name.

    Attributes:
        folder: of the store; each part is a folder in it.

    Raises:
        DataError: see `identity.folder_of`.
    """

    def __init__(
        self, place: str | Path, identity: Mapping[str, Any], dtypes: Mapping[str, npt.DTypeLike]
    ) -> None:
        self.folder = folder_of(place, identity)
        self._identity = identity
        self._dtypes = dtypes

    def missing(self, names: Sequence[str]) -> list[str]:
        """Returns those of the named parts that are not there."""
        return [name for name in names if not (self.folder / name).exists()]

    def compute(
        self,
        names: Sequence[str],
        rows: int,
        pieces: Callable[[str], Iterator[Piece]],
        on_rows: OnRows | None = None,
    ) -> None:
        """Computes what is missing of the named parts; an interrupted one starts again.

        Several processes may fill one store: each takes a part that no other computes, and all end
        when everything is there.

        Args:
            names: of the parts.
            rows: of the arrays of each part.
            pieces: function from a part's name to its pieces, which cover all rows.
            on_rows: see `OnRows`.

        Raises:
            DataError: the disk is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / FILE).exists():
            write_json(self.folder / FILE, self._identity)
        wanted = self.missing(names)
        total = len(wanted) * rows
        # First what is free, then what others held: a process that died has left its part undone.
        finished: set[str] = set()
        for wait in (False, True):
            for name in wanted:
                with self._locked(name, wait) as held:
                    if not held or name in finished:
                        continue
                    done = len(finished) * rows
                    if not (self.folder / name).exists():
                        self._compute(name, rows, pieces(name), _offset(on_rows, done, total))
                    elif on_rows:  # another process has computed it
                        on_rows(done + rows, total)
                    finished.add(name)

    def open(self, part: str, array: str) -> np.ndarray:
        """Returns an array of a part, mapped into memory.

        Raises:
            DataError: it is missing or damaged.
        """
        path = self.folder / part / f"{array}.npy"
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path} is damaged ({error}): remove {path.parent}.") from error

    @contextlib.contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        with (self.folder / f"{name}.lock").open("w") as file:
            try:
                # The lock ends with the process, however that ends.
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def _compute(
        self, name: str, rows: int, pieces: Iterator[Piece], on_rows: Callable[[int], None]
    ) -> None:
        # The part's lock is held: what is there under this name was left by a killed process.
        place = atomic_folder(self.folder / name, f"{name}.part", by_every_worker=True)
        with place as temporary:
            arrays: dict[str, np.memmap] = {}
            for where, values in pieces:
                for array, dtype in self._dtypes.items():
                    found = np.asarray(values[array]).astype(dtype)
                    if array not in arrays:
                        path = temporary / f"{array}.npy"
                        shape = (rows, *found.shape[1:])
                        arrays[array] = np.lib.format.open_memmap(path, "w+", dtype, shape)
                        self._reserve(path)
                    arrays[array][where] = found
                on_rows(where.stop)
            for mapped in arrays.values():
                mapped.flush()

    def _reserve(self, path: Path) -> None:
        """Takes the file's space on the disk now, so that a full disk is an error and not a crash.

        A memory map's file is sparse: writing to a page for which there is no space kills the process.
        """
        if not hasattr(os, "posix_fallocate"):
            return
        size = path.stat().st_size
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DataError(
                f"no space left for {size / 1e6:,.1f} MB of teacher signals in {self.folder}: free "
                "some, or give --config.signals.store=DIR on another disk."
            ) from error


def _offset(on_rows: OnRows | None, done: int, total: int) -> Callable[[int], None]:
    return lambda rows: on_rows(done + rows, total) if on_rows else None
