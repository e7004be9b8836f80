"""Figure 1: clean against robust accuracy, the marker's area in proportion to the parameters."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnascl_tf.report.figure import error_bars, save_figure
from rnascl_tf.report.label_placement import Box, Place, place_labels
from rnascl_tf.report.model_style import NO_STYLES, ModelStyle, Styles, style_of
from rnascl_tf.report.scatter import STRONGEST, Point
from rnascl_tf.report.titles import ATTACK_TITLES, NORM_TITLES, epsilon_text

_LARGEST = 240
"""Area of the largest model's marker, in square points."""


def save_scatter(
    points: Sequence[Point], attack: str, path: Path, styles: Styles = NO_STYLES
) -> None:
    """Draws the points with 95% intervals and labels.

    Args:
        points: at least one, all of one epsilon.
        attack: an attack's name or `STRONGEST`.
        path: of the picture.
        styles: of the models.
    """
    figure, axis = pyplot.subplots(figsize=(8, 5.6), layout="constrained")
    largest = max((point.params or 0 for point in points), default=0)
    for point in sorted(points, key=lambda point: -(point.params or 0)):  # small ones on top
        _draw(axis, point, style_of(styles, point.model), largest)
    title = f"{ATTACK_TITLES.get(attack, attack)} accuracy"
    if attack == STRONGEST:
        title = "accuracy under its strongest attack"
    first = points[0]
    axis.set_xlabel("clean accuracy, %")
    axis.set_ylabel(f"{title} at {NORM_TITLES[first.norm]} {epsilon_text(first.epsilon)}, %")
    axis.set_title(
        f"Clean and robust accuracy on {first.data}, {first.space} space (bars: 95% intervals)",
        fontsize=10,
    )
    axis.grid(color="0.92")
    axis.set_axisbelow(True)
    axis.margins(0.14)
    axis.autoscale_view()
    bottom, top = axis.get_ylim()
    axis.set_ylim(max(bottom, -7), min(top, 104))
    left, right = axis.get_xlim()
    axis.set_xlim(max(left, -4), min(right, 104))
    _legend(figure, points, styles, largest)
    _label(figure, axis, points, styles, largest)
    save_figure(figure, path)


def _draw(axis: Axes, point: Point, style: ModelStyle, largest: int) -> None:
    axis.errorbar(
        *_center(point),
        xerr=error_bars([point.clean]),
        yerr=error_bars([point.robust]),
        fmt="none",
        ecolor=style.color,
        elinewidth=0.8,
        alpha=0.45,
    )
    axis.scatter(
        *_center(point),
        s=_area(point.params, largest),
        marker=style.marker,
        facecolor=style.color if point.params else "none",
        edgecolor="white" if point.params else style.color,
        linewidth=0.3 if point.params else 1.3,
        alpha=0.9,
        zorder=3,
    )


def _center(point: Point) -> tuple[float, float]:
    return point.clean.percent, point.robust.percent


def _area(params: int | None, largest: int) -> float:
    return _LARGEST * params / largest if params else 70


def _legend(figure: Figure, points: Sequence[Point], styles: Styles, largest: int) -> None:
    entries = []
    for model in dict.fromkeys(point.model for point in points):
        style = style_of(styles, model)
        hollow = all(point.params is None for point in points if point.model == model)
        entries.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=style.marker,
                markersize=7,
                markerfacecolor="none" if hollow else style.color,
                markeredgecolor=style.color,
                label=f"{model} (size unknown)" if hollow else model,
            )
        )
    sizes = sorted({point.params for point in points if point.params})
    # Two sizes that the eye cannot tell apart would explain nothing.
    shown = sizes[:1] * (sizes[0] < 0.7 * sizes[-1]) + sizes[-1:] if sizes else []
    for params in shown:
        entries.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker="o",
                markersize=math.sqrt(_area(params, largest)),
                markerfacecolor="0.8",
                markeredgecolor="none",
                label=f"{_count(params)} parameters",
            )
        )
    figure.legend(handles=entries, loc="outside lower center", ncols=3, fontsize=8, frameon=False)


def _count(params: int) -> str:
    return f"{params / 1e6:.2f} M" if params >= 1e6 else f"{params / 1e3:.1f} k"


def _label(
    figure: Figure, axis: Axes, points: Sequence[Point], styles: Styles, largest: int
) -> None:
    """Writes each point's run beside it, with a line to a label that had to move away."""
    figure.draw_without_rendering()  # the layout must be settled before anything is measured
    several = len({point.run for point in points}) > 1
    texts = [
        axis.annotate(
            point.run if several else point.model,
            _center(point),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=7,
            color=style_of(styles, point.model).text_color,
        )
        for point in points
    ]
    scale = figure.dpi / 72
    anchors = [tuple(axis.transData.transform(text.xy)) for text in texts]
    extents = [text.get_window_extent() for text in texts]
    sizes = [(extent.width + 2 * scale, extent.height + scale) for extent in extents]
    radii = [scale * math.sqrt(_area(point.params, largest)) / 2 for point in points]
    corners = place_labels(
        anchors,
        sizes,
        [
            box
            for point, radius in zip(points, radii, strict=True)
            for box in _boxes(axis, point, radius)
        ],
        axis.get_window_extent().extents,
        [radius + 2 * scale for radius in radii],
    )
    for text, anchor, corner, size in zip(texts, anchors, corners, sizes, strict=True):
        text.set_position(
            ((corner[0] - anchor[0]) / scale + 1, (corner[1] - anchor[1]) / scale + 0.5)
        )
        _lead(axis, anchor, corner, size, 14 * scale)


def _boxes(axis: Axes, point: Point, radius: float) -> list[Box]:
    """Returns the boxes, in pixels, of a marker and its two error bars."""
    x, y = axis.transData.transform(_center(point))
    clean, robust = point.clean.percent_interval, point.robust.percent_interval
    (left, bottom), (right, top) = axis.transData.transform(list(zip(clean, robust, strict=True)))
    return [
        (x - radius, y - radius, x + radius, y + radius),
        (left, y - 1, right, y + 1),
        (x - 1, bottom, x + 1, top),
    ]


def _lead(axis: Axes, anchor: Place, corner: Place, size: Place, longest: float) -> None:
    """Draws a line from a marker to a label that is farther than `longest` pixels."""
    nearest = [
        min(max(place, low), low + length)
        for place, low, length in zip(anchor, corner, size, strict=True)
    ]
    if math.dist(anchor, nearest) > longest:
        ends = axis.transData.inverted().transform([anchor, nearest])
        axis.plot(ends[:, 0], ends[:, 1], color="0.6", linewidth=0.6, zorder=1)
