"""The known robust checkpoints."""

from collections.abc import Iterable

import rich.table

from rnascl_tf.report.table_style import titled_table
from teachers.pytorch.zoo_entry import ZooEntry


def zoo_table(entries: Iterable[ZooEntry]) -> rich.table.Table:
    """Returns a table with one row for each checkpoint."""
    table = titled_table()
    for column in ("name", "architecture", "data", "trained against", "clean / AutoAttack, %"):
        table.add_column(column, no_wrap=True)
    table.add_column("paper", no_wrap=True)
    table.add_column("published at", no_wrap=True)
    for entry in entries:
        first_author = entry.paper.authors.split(",")[0]
        table.add_row(
            entry.name,
            entry.architecture,
            entry.dataset,
            entry.threat,
            claimed_accuracies(entry),
            f"{first_author} et al. {entry.paper.year}, {entry.paper.link}",
            entry.published + (f" ({entry.file})" if entry.file else ""),
        )
    table.caption = "accuracies as RobustBench lists them, not measured here; -: no figure known"
    return table


def claimed_accuracies(entry: ZooEntry) -> str:
    """Returns clean and AutoAttack accuracy in percent as they are claimed; "-" for an unknown one."""
    return " / ".join(
        "-" if value is None else f"{value:.2f}" for value in (entry.clean, entry.robust)
    )
