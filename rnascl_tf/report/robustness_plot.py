"""Accuracy under each attack, a group of bars for each attack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import pyplot

from rnascl_tf.record import Record
from rnascl_tf.report.figure import error_bars, save_figure
from rnascl_tf.report.model_style import NO_STYLES, Styles, style_of
from rnascl_tf.report.table import attacks_of, threat_of
from rnascl_tf.robustness import results_from_json


def save_robustness(
    record: Record | Mapping[str, Any], path: Path, styles: Styles = NO_STYLES
) -> None:
    """Draws the accuracies with 95% intervals.

    Args:
        record: of a run whose evaluate stage is finished.
        path: of the PNG.
        styles: of the models.
    """
    measured = results_from_json(record["robustness"])
    attacks = attacks_of(measured)
    figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    width = 0.8 / len(measured)
    for number, (name, results) in enumerate(measured.items()):
        known = [attack for attack in attacks if attack in results]
        places = [attacks.index(attack) + width * (number + 0.5) - 0.4 for attack in known]
        accuracies = [results[attack].accuracy for attack in known]
        count = next(iter(results.values())).accuracy.n
        for attack in set(attacks).difference(results):
            place = attacks.index(attack) + width * (number + 0.5) - 0.4
            axis.text(place, 1, "not measured", rotation=90, ha="center", fontsize=7, color="gray")
        axis.bar(
            places,
            [accuracy.percent for accuracy in accuracies],
            width,
            yerr=error_bars(accuracies),
            ecolor="gray",
            capsize=3,
            color=style_of(styles, name).color,
            label=f"{name} (n = {count})",
        )
    axis.set_xticks(range(len(attacks)), attacks)
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, 100)
    axis.set_title(f"Accuracy under attack, {threat_of(record)}")
    axis.legend()
    save_figure(figure, path)
