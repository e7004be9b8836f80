"""Names for convolutions and layers: distinct, and of letters, digits and underscores."""

import re
from collections.abc import Collection, Iterable


def unique_names(raw_names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """Turns any names into distinct ones of letters, digits and underscores.

    The same input gives the same output on any machine, because a name depends only on its own
    text and on the names before it.

    Args:
        raw_names: names in graph order.
        taken: names that must not be used.

    Returns:
        one name per raw name; repetitions get `_2`, `_3`, ...
    """
    seen = set(taken)
    names = []
    for raw_name in raw_names:
        stem = re.sub(r"\W+", "_", raw_name, flags=re.ASCII).strip("_") or "unnamed"
        name, count = stem, 1
        while name in seen:
            count += 1
            name = f"{stem}_{count}"
        seen.add(name)
        names.append(name)
    return names
