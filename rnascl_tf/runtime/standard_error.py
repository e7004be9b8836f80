"""Keeps single lines of C++ libraries off the terminal; anything else that they write is passed on."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def without_lines(*noise: bytes) -> Iterator[None]:
    """Holds back what is written to standard error, and at the end leaves out some lines of it.

    Libraries in C++ write to the file descriptor, which Python's `sys.stderr` does not see.

    Args:
        noise: parts of the lines to leave out.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured, os.fdopen(os.dup(2), "wb") as terminal:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)
            captured.seek(0)
            for line in captured:
                if not any(part in line for part in noise):
                    terminal.write(line)
