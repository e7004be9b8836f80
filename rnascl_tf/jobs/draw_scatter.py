"""Draws clean against robust accuracy of every model in some records (Figure 1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnascl_tf.console import console, print_whole
from rnascl_tf.report.scatter import Point, ScatterError, scatter_points, write_points
from rnascl_tf.stages import model_styles

FORMATS = (".png", ".pdf", ".svg")


def draw_scatter(
    paths: Sequence[str | Path],
    picture: str | Path,
    attack: str = "pgd20",
    epsilon: str | float | None = None,
) -> list[Point]:
    """Draws the picture, writes its numbers as CSV next to it, and prints them.

    Args:
        paths: run folders or record files.
        picture: file to write, in one of `FORMATS`.
        attack: attack of the vertical axis, also as records name it, "pgd20@2/255"; or "strongest".
        epsilon: of the attack, as "2/255"; None: that of each record's own threat model.

    Returns:
        The points of the picture.

    Raises:
        UserError: another format, no folder, no record, or records that do not compare.
    """
    picture = _picture(Path(picture))
    name, separator, after = attack.partition("@")
    if separator and epsilon is not None:
        raise ScatterError(
            f"--attack={attack} and --epsilon={epsilon} both give an epsilon: give one."
        )
    points, left_out = scatter_points(paths, name, after if separator else epsilon)
    # They import Matplotlib.
    from rnascl_tf.report.scatter_plot import save_scatter
    from rnascl_tf.report.scatter_table import scatter_table

    save_scatter(points, name, picture, model_styles())
    table = picture.with_suffix(".csv")
    write_points(points, table)
    print_whole(scatter_table(points))
    for line in left_out:
        console.print(line, soft_wrap=True)
    console.print(f"Picture: {picture}   Table: {table}", soft_wrap=True)
    return points


def _picture(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise ScatterError(f"--out={path} has no known format: end it in {', '.join(FORMATS)}.")
    if not path.parent.is_dir():
        raise ScatterError(f"--out={path}: there is no folder {path.parent}; make it first.")
    return path
