"""Reads JSON files of unknown origin, up to a largest size."""

import json
from pathlib import Path
from typing import Any

LARGEST_BYTES = 64 * 2**20


def read_json(path: str | Path) -> Any:
    """Returns the value in a JSON file, which is UTF-8.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not JSON, is larger than `LARGEST_BYTES`, or is nested deeper than
            Python reads.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")  # a device has no end
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ValueError(f"{size:,} bytes, at most {LARGEST_BYTES:,} are read")
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
