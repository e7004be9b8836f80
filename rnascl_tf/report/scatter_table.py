"""The numbers of Figure 1's scatter, printed."""

from collections.abc import Sequence

import rich.table

from rnascl_tf.report.scatter import Point
from rnascl_tf.report.table_style import titled_table
from rnascl_tf.report.titles import threat_title


def scatter_table(points: Sequence[Point]) -> rich.table.Table:
    """Returns a `rich` table of the points: accuracies in percent with 95% Wilson intervals.

    Args:
        points: at least one.
    """
    first = points[0]
    threat = threat_title(first.norm, first.epsilon, first.space)
    table = titled_table(f"{first.data}, {threat}: accuracy in %")
    attacks = {point.attack for point in points}
    for name in ("run", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("parameters", "clean", *(attacks if len(attacks) == 1 else ["robust"]), "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in points:
        table.add_row(
            point.run,
            point.model,
            f"{point.params:,}" if point.params else "-",
            str(point.clean),
            f"{point.robust}" if len(attacks) == 1 else f"{point.attack}  {point.robust}",
            "/".join(str(n) for n in dict.fromkeys((point.clean.n, point.robust.n))),
        )
    return table
