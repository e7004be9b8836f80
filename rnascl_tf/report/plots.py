"""Plots of a run: what the search did epoch by epoch, and accuracy under each attack."""

from matplotlib import pyplot

from rnascl_tf.report.figure import error_bars, save_figure
from rnascl_tf.report.model_style import NO_STYLES, Styles, style_of
from rnascl_tf.report.table import attacks_of, threat_of
from rnascl_tf.robustness import results_from_json

_SEARCH_PANELS = {
    "cross_entropy": "cross-entropy",
    "divergence": "KL to the teacher",
    "attention": "attention loss (eq. 1)",
    "expected_macs": "expected MACs",
    "tutor_entropy": "mean tutor entropy (nats)",
    "temperature": "temperature",
}
"""Panels and their titles; a control that lacks a term lacks its panel."""


def save_search_history(history, path):
    """Draws loss terms, cost, tutor entropy and temperature over the epochs of a search.

    Args:
        history: list of epochs, as the record keeps them; at least one.
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
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    save_figure(figure, path)


def save_robustness(record, path, styles: Styles = NO_STYLES):
    """Draws accuracy under each attack, a group of bars for each attack, with 95% intervals.

    Args:
        record: a `Record` whose evaluate stage has run.
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
            [100 * accuracy.value for accuracy in accuracies],
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
