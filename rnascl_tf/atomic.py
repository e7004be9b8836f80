"""Writing small files so that a reader, or a crash, only ever sees the old file or the new one."""

import json
from pathlib import Path


def write_text(path, text):
    """Writes text to a temporary name in the same folder, then renames it over `path`."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text)
    temporary.replace(path)


def write_json(path, values):
    """Writes indented JSON as `write_text` does; refuses NaN, which JSON does not have."""
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
