"""Chooses which convolutions to tap: "main", "all" or a regular expression."""

import re
from collections.abc import Collection, Sequence

from teachers.errors import TeacherError


def choose_taps(names: Sequence[str], shortcuts: Collection[str], taps: str) -> tuple[str, ...]:
    """Chooses which convolutions to tap.

    Args:
        names: the convolutions' names in graph order.
        shortcuts: those of `names` that are projection shortcuts.
        taps: "main" for all but the shortcuts, "all", or a regular expression searched for in names.

    Returns:
        the chosen names, in graph order.

    Raises:
        TeacherError: the expression is malformed or matches nothing.
    """
    if not taps:
        raise TeacherError('taps is empty; give "main", "all" or a regular expression.')
    if taps == "all":
        return tuple(names)
    if taps == "main":
        return tuple(name for name in names if name not in shortcuts)
    try:
        pattern = re.compile(taps)
    except re.error as error:
        raise TeacherError(
            f"taps={taps!r} is not a regular expression ({error}); "
            'give "main", "all" or an expression that matches convolution names.'
        ) from error
    chosen = tuple(name for name in names if pattern.search(name))
    if not chosen:
        raise TeacherError(
            f"taps={taps!r} matches none of the convolutions {', '.join(names)}; "
            'give "main", "all" or an expression that matches some of them.'
        )
    return chosen
