"""Which folder holds the signals of a teacher for certain images, and how another one differs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnascl_tf.data import DataError
from rnascl_tf.files import read_json
from rnascl_tf.recipes import config_leaves

FILE = "identity.json"
"""In the folder of every store."""


def folder_of(place: str | Path, identity: Mapping[str, Any]) -> Path:
    """Returns the folder of the store of an identity, which may not exist yet.

    Args:
        place: a folder of any number of stores, where each has a subfolder named after its identity;
            or the folder of one store.
        identity: a JSON-serialisable dict of everything that decides the signals.

    Raises:
        DataError: `place` is the folder of a store of another identity, or somebody has put such a
            store where this one should be.
    """
    place = Path(place)
    text = json.dumps(identity, sort_keys=True)
    own = place / hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = place if (place / FILE).exists() else own
    if (folder / FILE).exists():
        found = differences(_read(folder), identity)
        if found:
            raise DataError(
                f"{folder} holds signals of another teacher or of other images: {'; '.join(found)}. "
                "Remove it, or give a folder that is not a store itself: in it each store gets a "
                "folder of its own."
            )
    return folder


def nearest_store(place: str | Path, identity: Mapping[str, Any]) -> tuple[Path, list[str]] | None:
    """Returns the most similar store of another identity in a folder of stores, and how it differs.

    Returns:
        (its folder, its `differences`); None if there is no other one.
    """
    others = [
        (path.parent, differences(_read(path.parent), identity))
        for path in sorted(Path(place).glob(f"*/{FILE}"))
    ]
    others = [(folder, found) for folder, found in others if found]
    return min(others, key=lambda other: len(other[1]), default=None)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns "KEY was VALUE, is VALUE" of every value that differs, in order of the keys."""
    old, new = dict(config_leaves(before)), dict(config_leaves(now))
    return [
        f"{key} was {_short(old.get(key))}, is {_short(new.get(key))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / FILE)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / FILE} is damaged: remove {folder}.") from error
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    """Returns a value as text; of a digest, its beginning."""
    text = "not set" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
