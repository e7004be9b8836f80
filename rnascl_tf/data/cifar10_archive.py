"""CIFAR-10's official archive: whether it can be downloaded, and what to do where it cannot."""

import urllib.request
from pathlib import Path

from rnascl_tf.data.errors import DataError

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
VERSION = "3.0.2"
"""Of CIFAR-10 in TFDS, which keeps it in a folder of this name."""

_PROBE_SECONDS = 10


def require_archive(folder: Path, flag: str) -> None:
    """Asks the archive's server whether it is there; downloads nothing.

    TFDS retries a dead network for minutes and waits for ever on a silent one.

    Args:
        folder: where the prepared data should be, ending in the version.
        flag: what the folder with TFDS' data sets came with.

    Raises:
        DataError: it does not answer within ten seconds, or has no archive.
    """
    try:
        request = urllib.request.Request(ARCHIVE, method="HEAD")
        urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()
    except Exception as error:  # urllib's and the file system's errors share no base
        raise cannot_be_downloaded(folder, flag, error) from error


def cannot_be_downloaded(folder: Path, flag: str, error: Exception) -> DataError:
    """Returns the error that says why there is no CIFAR-10, and how to bring it from elsewhere."""
    reason = getattr(error, "reason", None) or error
    return DataError(
        f"CIFAR-10 is not prepared in {folder} and cannot be downloaded ({reason}): on a machine with "
        'a network run `python -c "import tensorflow_datasets as tfds; '
        f"tfds.load('cifar10:{folder.name}', data_dir='tfds')\"` (its source is {PAGE}), copy the "
        f"folder tfds here and give {flag}=tfds."
    )
