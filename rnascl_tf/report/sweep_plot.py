"""Figures 3 and 4: accuracy over epsilon, an axis for each attack and a line for each model."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot, ticker
from matplotlib.axes import Axes

from rnascl_tf.report.figure import save_figure
from rnascl_tf.report.model_style import NO_STYLES, PURPLE, SKY, VERMILION, Styles
from rnascl_tf.report.titles import ATTACK_TITLES, NORM_TITLES
from rnascl_tf.robustness.epsilon_sweep import Sweep, SweepRow

_OTHER_MARKERS = ("v", "P", "X", "<", ">", "*", "p", "d")
_OTHER_COLORS = (VERMILION, PURPLE, SKY)
_DASHES = ("-", "--", ":", "-.")
"""Models without a colour of their own share three, and then differ in their dashes."""


def save_sweep(sweep: Sweep, path: Path, styles: Styles = NO_STYLES) -> None:
    """Draws the curves with bands of 95% intervals.

    In pixel space and L-inf, a second scale above each axis counts epsilon in 255ths.

    Args:
        sweep: the curves.
        path: of the picture.
        styles: of the models that have one.
    """
    attacks, lines = sweep.attacks, _lines(sweep.models, styles)
    figure, axes = pyplot.subplots(
        1,
        len(attacks),
        figsize=(max(6.0, 4.6 * len(attacks)), 4.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, attack in zip(axes.flat, attacks, strict=True):
        for model, line in lines.items():
            _draw(axis, sweep.curve(model, attack), line, model)
        axis.set_title(ATTACK_TITLES.get(attack, attack), fontsize=11)
        axis.set_xlabel(f"epsilon, {sweep.space} units")
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
        if sweep.space == "pixel" and sweep.norm == "linf":
            _add_255ths(axis)
    first = axes.flat[0]
    first.set_ylabel("accuracy, %")
    first.set_ylim(-2, 102)
    counts = sorted({row.accuracy.n for row in sweep.rows})
    figure.suptitle(
        f"Accuracy over epsilon, {NORM_TITLES[sweep.norm]}, {sweep.space} space (bands: 95% intervals, "
        f"n = {', '.join(map(str, counts))})",
        fontsize=11,
    )
    figure.legend(
        *first.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=min(4, len(lines)),
        fontsize=9,
        frameon=False,
    )
    save_figure(figure, path)


def _lines(models: Sequence[str], own: Styles) -> dict[str, dict[str, Any]]:
    """Returns {model: keywords of its line}, no two alike for up to a dozen unknown models."""
    others = itertools.cycle(itertools.product(_DASHES, _OTHER_COLORS))
    markers = itertools.cycle(_OTHER_MARKERS)
    lines = {}
    for model in models:
        if model in own:
            dashes, color, marker = "-", own[model].color, own[model].marker
        else:
            (dashes, color), marker = next(others), next(markers)
        lines[model] = {"color": color, "linestyle": dashes, "marker": marker}
    return lines


def _draw(axis: Axes, rows: Sequence[SweepRow], line: dict[str, Any], model: str) -> None:
    epsilons = [row.epsilon for row in rows]
    axis.fill_between(
        epsilons,
        [row.accuracy.percent_interval[0] for row in rows],
        [row.accuracy.percent_interval[1] for row in rows],
        color=line["color"],
        alpha=0.15,
        linewidth=0,
    )
    axis.plot(
        epsilons,
        [row.accuracy.percent for row in rows],
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        linewidth=1.5,
        label=model,
        # Markers at 0% and at the first epsilon lie on the edge of the axis.
        clip_on=False,
        **line,
    )


def _in_255ths(epsilons: npt.ArrayLike) -> npt.ArrayLike:
    return 255 * np.asarray(epsilons)


def _from_255ths(numerators: npt.ArrayLike) -> npt.ArrayLike:
    return np.asarray(numerators) / 255


def _add_255ths(axis: Axes) -> None:
    top = axis.secondary_xaxis("top", functions=(_in_255ths, _from_255ths))
    top.xaxis.set_major_locator(ticker.MaxNLocator(nbins=7, integer=True, steps=[1, 2, 4, 8, 10]))
    top.xaxis.set_major_formatter(lambda value, _: f"{value:g}/255" if value else "0")
    top.tick_params(labelsize=8)
