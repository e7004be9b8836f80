"""What a search did, epoch by epoch: losses, filter probabilities, and the tutors at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from rnascl_tf.report.figure import save_figure, tick_whole_numbers, without_shared_parts
from rnascl_tf.report.model_style import VERMILION
from rnascl_tf.training import SearchDiagnostics

_SEARCH_PANELS = {
    "cross_entropy": "cross-entropy",
    "divergence": "KL to the teacher",
    "attention": "attention loss (eq. 1)",
    "expected_macs": "expected MACs",
    "tutor_entropy": "mean tutor entropy (nats)",
    "temperature": "temperature",
}
"""Panels and their titles; a control that lacks a term lacks its panel."""


def save_search_history(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws loss terms, cost, tutor entropy and temperature over the epochs of a search.

    Args:
        history: the epochs, as the record keeps them; at least one.
        path: of the PNG.
    """
    figure, axes = pyplot.subplots(2, 3, figsize=(11, 5.5), layout="constrained")
    epochs = [row["epoch"] + 1 for row in history]
    panels = dict(_SEARCH_PANELS)
    if "expected_ms" in history[0]:  # what this search was priced by
        titles = {"expected_macs": ("expected_ms", "expected latency, ms")}
        panels = dict(titles.get(name, (name, title)) for name, title in panels.items())
    for axis, (name, title) in zip(axes.flat, panels.items(), strict=True):
        if name not in history[0]:
            axis.set_axis_off()
            axis.text(0.5, 0.5, f"{title}:\nnot in this search", ha="center", color="gray")
            continue
        axis.plot(epochs, [row[name] for row in history], marker="o", markersize=3)
        axis.set_title(title)
        axis.set_xlabel("epoch")
        tick_whole_numbers(axis)
    save_figure(figure, path)


_COLUMNS = 6
_LEGEND_ROWS = 5
"""Widths named in a panel's legend at most."""


def save_filter_probabilities(diagnostics: SearchDiagnostics, path: Path) -> None:
    """Draws softmax(v) of every block's widths by epoch; dark is narrow, bright is wide.

    Args:
        diagnostics: of the search.
        path: of the PNG.
    """
    count = len(diagnostics.blocks)
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(max(1.9 * columns, 5) + 0.4, 1.7 * rows + 0.7),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    epochs = diagnostics.epoch + 1
    for number, axis in enumerate(axes.flat):
        if number >= count:
            axis.set_axis_off()
            # The panel above is then the last of its column, and sharing has taken its numbers.
            axes[-2, number % columns].xaxis.set_tick_params(labelbottom=True)
            continue
        known = diagnostics.choices[number] > 0
        _draw_block(
            axis,
            epochs,
            diagnostics.filters[:, number, known],
            diagnostics.choices[number, known],
            diagnostics.blocks[number],
        )
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("probability", fontsize=9)
    figure.suptitle("Probability of each number of filters, by block", fontsize=10)
    save_figure(figure, path)


def _draw_block(
    axis: Axes, epochs: np.ndarray, probabilities: np.ndarray, choices: np.ndarray, block: str
) -> None:
    """Draws the probabilities of one block, [epochs, choices]."""
    chosen = int(probabilities[-1].argmax())
    named = _named(len(choices), chosen)
    colors = pyplot.get_cmap("viridis")(np.linspace(0.9, 0.0, len(choices)))
    for column, width in enumerate(choices):
        axis.plot(
            epochs,
            probabilities[:, column],
            color=colors[column],
            linewidth=2.2 if column == chosen else 1.1,
            marker="o" if len(epochs) == 1 else None,
            markersize=4,
            label=str(width) if column in named else None,
        )
    axis.axhline(1 / len(choices), color="0.75", linewidth=0.7, linestyle=":")
    axis.set_title(f"{block}: {choices[chosen]}", fontsize=8)
    axis.tick_params(labelsize=7)
    tick_whole_numbers(axis)
    axis.set_ylim(0, max(1.35 * probabilities.max(), 1.8 / len(choices)))
    axis.legend(
        fontsize=6, frameon=False, handlelength=1, labelspacing=0.2, loc="upper left", ncols=2
    )


def _named(count: int, chosen: int) -> set[int]:
    """Returns the columns named in the legend: all, or widest, chosen and narrowest of many."""
    return set(range(count)) if count <= _LEGEND_ROWS else {0, chosen, count - 1}


_CELL = 0.19
"""Inches of a cell: a label of seven points fits beside each row."""


def save_tutor_map(diagnostics: SearchDiagnostics, path: Path) -> None:
    """Draws the tutor probabilities after the last epoch, each row's largest marked.

    Args:
        diagnostics: of a search that chose tutors.
        path: of the PNG.
    """
    probabilities = diagnostics.tutors[-1]
    rows, columns = probabilities.shape
    teacher_layers, pattern = without_shared_parts(diagnostics.teacher_layers.tolist())
    width = _CELL * max(columns, 12) + 3.2
    height = _CELL * rows + 0.075 * max(map(len, teacher_layers)) + 1.3
    figure, axis = pyplot.subplots(figsize=(width, height), layout="constrained")
    image = axis.imshow(probabilities, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
    axis.scatter(probabilities.argmax(axis=1), range(rows), s=10, color=VERMILION)
    axis.set_xticks(range(columns), teacher_layers, rotation=90, fontsize=7)
    axis.set_yticks(range(rows), diagnostics.student_layers.tolist(), fontsize=7)
    axis.set_xlabel(f"teacher layer ({pattern})" if pattern else "teacher layer")
    axis.set_ylabel("student layer")
    axis.set_title(
        f"Tutor probabilities after epoch {diagnostics.epoch[-1] + 1}\n(dot: most probable)",
        fontsize=10,
    )
    figure.colorbar(image, ax=axis, label="probability", aspect=40)
    save_figure(figure, path)
