"""The accuracies of `rnascl attack`."""

from collections.abc import Mapping

import rich.table

from rnascl_tf.console import duration
from rnascl_tf.report.table_style import titled_table
from rnascl_tf.robustness import AttackResult


def attack_table(results: Mapping[str, AttackResult], title: str) -> rich.table.Table:
    """Returns a `rich` table: one row per attack, a cascade's members below it.

    Args:
        results: what each attack left, at least one.
        title: above the table; it names model, epsilon, norm and space.
    """
    count = next(iter(results.values())).accuracy.n
    table = titled_table(f"{title}\nn = {count}, accuracy with its 95% Wilson interval")
    table.add_column("attack", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("accuracy, %", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for name, result in results.items():
        budget = f" ({result.budget})" if result.budget else ""
        table.add_row(
            f"{name}{budget}",
            str(result.steps or "-"),
            str(result.accuracy),
            "-" if result.seconds is None else duration(result.seconds),
        )
        for member, accuracy in result.members.items():
            table.add_row(f"  after {member}", "", str(accuracy), "")
    return table
