"""JSON files from anywhere, read as data of bounded size."""

import json
from pathlib import Path

LARGEST_BYTES = 64 * 2**20


def read_json(path):
    """Returns the value that a JSON file holds.

    Args:
        path: of the file, UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, has over `LARGEST_BYTES`, or is nested deeper than Python reads.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")  # a device has no end
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ValueError(f"{size:,} bytes, {LARGEST_BYTES:,} at most are read")
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
