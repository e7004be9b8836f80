"""Figure 2b: attention maps of student layers, their tutors and rejected layers, on real images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from rnascl_tf.report.attention_comparison import AttentionPanel
from rnascl_tf.report.figure import save_figure

_ROLES = ("student", "tutor", "rejected")

_LABEL = 19
"""Characters in a line above a map."""


def save_attention_figure(
    panels: Sequence[AttentionPanel], images: np.ndarray, labels: Sequence[str], path: Path
) -> None:
    """Draws a row for each image: the image, then student, tutor and rejected layer of each panel.

    Each map has its own range of colours, so the number on it says how far it is from the student's.

    Args:
        panels: at least one.
        images: float [images, height, width, 3] in [0, 1].
        labels: one for each image.
        path: of the PNG.
    """
    gap = 0.12
    widths = [1.0]
    for panel in panels:
        widths += [gap, *[1.0] * len(panel.maps)]
    figure, axes = pyplot.subplots(
        len(images),
        len(widths),
        figsize=(1.12 * sum(widths), 1.12 * len(images) + 0.9),
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    figure.suptitle(
        "Attention maps, each in its own colours; numbers: distance from the student's (eq. 1)",
        fontsize=9,
    )
    _draw_images(axes[:, 0], images, labels)
    first = 1
    for panel in panels:
        for axis in axes[:, first]:
            axis.set_axis_off()
        _draw_panel(axes[:, first + 1 : first + 1 + len(panel.maps)], panel)
        first += 1 + len(panel.maps)
    save_figure(figure, path)


def _draw_images(axes: np.ndarray, images: np.ndarray, labels: Sequence[str]) -> None:
    axes[0].set_title("image", fontsize=7)
    for axis, image, label in zip(axes, images, labels, strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_ylabel(label, fontsize=7)
        axis.set(xticks=[], yticks=[])


def _draw_panel(axes: np.ndarray, panel: AttentionPanel) -> None:
    names = (panel.layer, *panel.teacher_layers)
    for column, (role, name) in enumerate(zip(_ROLES, names, strict=False)):
        axes[0, column].set_title(f"{role}\n{_wrapped(name)}", fontsize=7)
        for row, axis in enumerate(axes[:, column]):
            axis.imshow(panel.maps[column, row], cmap="viridis", interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if column:
                _write_distance(axis, panel.distances[column - 1, row])


def _write_distance(axis: Axes, distance: float) -> None:
    axis.text(
        0.96,
        0.05,
        f"{distance:.2f}",
        transform=axis.transAxes,
        ha="right",
        fontsize=7,
        color="white",
        bbox={"facecolor": "black", "alpha": 0.55, "pad": 1, "linewidth": 0},
    )


def _wrapped(name: str) -> str:
    """Returns a layer's name on two lines, the middle of a very long one left out."""
    if len(name) > 2 * _LABEL:
        name = f"{name[: _LABEL - 2]}…{name[2 - _LABEL :]}"
    if len(name) <= _LABEL:
        return f"{name}\n"
    end = name.rfind("_", len(name) - _LABEL - 1, _LABEL) + 1 or _LABEL
    return f"{name[:end]}\n{name[end:]}"
