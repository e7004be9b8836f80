"""One process at a time in a folder."""

import fcntl
import os
import socket
from pathlib import Path
from typing import TextIO

from rnascl_tf.errors import UserError


class FolderLock:
    """A process's claim on a folder, which ends with the process, however that ends.

    Args:
        folder: the folder; it exists when the lock is acquired, and then gets the file `.lock`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: TextIO | None = None

    def acquire(self) -> bool:
        """Claims the folder; returns whether this lock did not hold it before.

        Raises:
            UserError: another process works in the folder; the message names it.
        """
        if self._file is not None:
            return False
        file = (self._folder / ".lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise UserError(
                f"{self._folder} is in use by process {owner}: wait for it, or give another --workdir."
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()} on {socket.gethostname()}")
        file.flush()
        self._file = file
        return True

    def release(self) -> None:
        """Gives the folder free."""
        if self._file is not None:
            self._file.close()
            self._file = None
