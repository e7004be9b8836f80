"""The numbers behind Figure 1's scatter, as they are printed."""

import rich.box
import rich.table

from rnascl_tf.report.titles import threat_title


def scatter_table(points):
    """Returns a `rich` table of the points: accuracies in percent with 95% Wilson intervals.

    Args:
        points: list of `Point`, at least one.
    """
    first = points[0]
    table = rich.table.Table(
        title=f"{first.data}, {threat_title(first.norm, first.epsilon, first.space)}: accuracy in %",
        box=rich.box.SIMPLE_HEAD,
        title_justify="left",
    )
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
