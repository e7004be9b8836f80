"""Filter probabilities over the epochs of a search, one panel for each block."""

import numpy as np
from matplotlib import pyplot

from rnascl_tf.report.figure import save_figure

_COLUMNS = 6
_LEGEND_ROWS = 5
"""Widths named in a panel's legend at most."""


def save_filter_probabilities(diagnostics, path):
    """Draws softmax(v) of every block's widths by epoch; dark is narrow, bright is wide.

    Args:
        diagnostics: a `SearchDiagnostics`.
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


def _draw_block(axis, epochs, probabilities, choices, block):
    """Draws [E, choices] probabilities of one block."""
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
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.set_ylim(0, max(1.35 * probabilities.max(), 1.8 / len(choices)))
    axis.legend(
        fontsize=6, frameon=False, handlelength=1, labelspacing=0.2, loc="upper left", ncols=2
    )


def _named(count, chosen):
    """Returns the columns named in the legend: all, or widest, chosen and narrowest of many."""
    return set(range(count)) if count <= _LEGEND_ROWS else {0, chosen, count - 1}
