"""How every printed table looks."""

from typing import Any

import rich.box
import rich.table


def titled_table(title: str | None = None, **options: Any) -> rich.table.Table:
    """Returns an empty `rich` table: its title at the left, a line below the header."""
    return rich.table.Table(
        title=title,
        box=rich.box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        **options,
    )
