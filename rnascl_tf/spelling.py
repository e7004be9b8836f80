"""The one place where a misspelt name is answered with the nearest one."""

import difflib
from collections.abc import Iterable


def nearest(word: object, known: Iterable[object], cutoff: float = 0.6) -> str | None:
    """Returns the known name that is most like a word, whatever its case, or None.

    Args:
        word: what the user wrote.
        known: the names that would have been right.
        cutoff: how alike they must be, 0 to 1.
    """
    names = {str(name).lower(): str(name) for name in known}
    found = difflib.get_close_matches(str(word).lower(), names, 1, cutoff)
    return names[found[0]] if found else None


def did_you_mean(word: object, known: Iterable[object], cutoff: float = 0.6) -> str:
    """Returns " (did you mean NAME?)", to be put after the misspelt word; empty if nothing is near."""
    name = nearest(word, known, cutoff)
    return "" if name is None else f" (did you mean {name}?)"
