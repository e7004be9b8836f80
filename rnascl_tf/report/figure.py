"""What every picture shares: no screen, files written at once, error bars, short names."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnascl_tf.files import atomic_file
from rnascl_tf.robustness import Accuracy

RESOLUTION = 120
"""Pixels per inch of every picture."""


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure atomically and closes it; the path's suffix is the format."""
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=RESOLUTION)
    pyplot.close(figure)


def tick_whole_numbers(axis: Axes) -> None:
    """Puts the ticks of the horizontal axis at whole numbers, for epochs."""
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def error_bars(accuracies: Sequence[Accuracy]) -> list[list[float]]:
    """Returns how far the 95% intervals reach below and above accuracies, two lists in percent."""
    below, above = [], []
    for accuracy in accuracies:
        low, high = accuracy.percent_interval
        # At 0% or 100% rounding may put the interval's end a hair inside the value.
        below.append(max(0.0, accuracy.percent - low))
        above.append(max(0.0, high - accuracy.percent))
    return [below, above]


def without_shared_parts(names: Sequence[str]) -> tuple[list[str], str]:
    """Returns layer names without the words at their beginning or end that all of them share.

    Words stand between underscores: "body_0_conv", "body_1_conv" become "0", "1". At least one word
    of every name is left.

    Returns:
        The shortened names, and the pattern that was removed ("body_*_conv"), or "" if nothing was.
    """
    split = [name.split("_") for name in names]
    removable = min((len(words) for words in split), default=1) - 1
    front = _shared(split, removable)
    back = _shared([words[::-1] for words in split], removable - front)
    if not front and not back:
        return list(names), ""
    short = ["_".join(words[front : len(words) - back]) for words in split]
    first = split[0]
    return short, "_".join([*first[:front], "*", *first[len(first) - back :]])


def _shared(split: Sequence[Sequence[str]], limit: int) -> int:
    """Returns how many leading words, up to a limit, all of the lists share."""
    count = 0
    while count < limit and len({words[count] for words in split}) == 1:
        count += 1
    return count
