"""The final tables: accuracy of each model under each attack, size, and exported files."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich.table

from rnascl_tf.record import Record
from rnascl_tf.report.model_style import NO_STYLES, Styles, style_of
from rnascl_tf.report.table_style import titled_table
from rnascl_tf.report.titles import threat_title
from rnascl_tf.robustness import Accuracy, results_from_json, strongest_attack

_ONE_LINE_MODELS = 3
"""More would not fit 80 characters in one line each, and a log file would lose digits."""


def attacks_of(robustness: Mapping[Any, Mapping[str, Any]]) -> list[str]:
    """Returns every attack that any model was given, in the order of the model with the most."""
    by_length = sorted(robustness.values(), key=len, reverse=True)
    return list(dict.fromkeys(attack for results in by_length for attack in results))


def threat_of(record: Record | Mapping[str, Any]) -> str:
    """Returns the title of a record's threat model."""
    threat = record["config"]["threat"]
    return threat_title(threat["norm"], threat["epsilon"])


def robustness_table(
    record: Record | Mapping[str, Any], styles: Styles = NO_STYLES
) -> rich.table.Table:
    """Returns a `rich` table of accuracies in percent, with n and 95% Wilson intervals.

    Attacks are at the title's epsilon; one with an epsilon of its own, "pgd20@2/255", shows it.

    Args:
        record: of a run whose evaluate stage is finished.
        styles: of the models.
    """
    robustness = results_from_json(record["robustness"])
    attacks = attacks_of(robustness)
    table = titled_table(f"Accuracy in % [95% interval] at {threat_of(record)}")
    table.add_column("attack", no_wrap=True)
    separator = " " if len(robustness) <= _ONE_LINE_MODELS else "\n"
    for name, results in robustness.items():
        counts = "/".join(
            str(n) for n in sorted({result.accuracy.n for result in results.values()})
        )
        title = style_of(styles, name).title.replace(" + ", f"{separator}+ ")
        table.add_column(f"{title}\nn = {counts}", justify="right", no_wrap=True)
    for attack in attacks:
        cells = [
            _cell(results[attack].accuracy, separator) if attack in results else "-"
            for results in robustness.values()
        ]
        table.add_row(attack.replace("@", f"{separator}at "), *cells)
    return table


def student_table(record: Record | Mapping[str, Any]) -> rich.table.Table:
    """Returns a `rich` table of the searched student: filters, size, cost, tutors."""
    architecture = record["architecture"]
    tutors = {tutor["teacher"] for tutor in architecture["tutors"]}
    teacher_layers = record["teacher"]["n_t"]
    return _facts(
        "Searched student",
        [""],
        {
            "space": [architecture["space"]],
            "filters": [" | ".join(" ".join(map(str, f)) for f in architecture["filters"])],
            "parameters": [f"{architecture['params']:,}"],
            "MACs": [f"{architecture['macs']:,}"],
            "MACs as the paper counts (thop)": [f"{architecture['macs_thop']:,}"],
            "teacher layers used as tutors": [f"{len(tutors)} of {teacher_layers}"],
        },
    )


def search_table(record: Record | Mapping[str, Any]) -> rich.table.Table:
    """Returns a `rich` table of how decided the search was, for tutors and for filters.

    Args:
        record: with `search_diagnostics`.
    """
    diagnostics = record["search_diagnostics"]
    parts = [name for name in ("tutors", "filters") if name in diagnostics]
    facts = [diagnostics[name] for name in parts]
    return _facts(
        f"How decided the search is, epochs: {diagnostics['epochs']}",
        parts,
        {
            "choices made": [str(part["rows"]) for part in facts],
            "entropy, nats: first -> last epoch": [
                f"{part['entropy_first']:.3f} -> {part['entropy_last']:.3f}" for part in facts
            ],
            "entropy when undecided": [f"{part['entropy_limit']:.3f}" for part in facts],
            "last change at epoch (0: never), median / maximum": [
                f"{part['last_change_median']:g} / {part['last_change_maximum']}" for part in facts
            ],
        },
    )


def export_table(record: Record | Mapping[str, Any]) -> rich.table.Table:
    """Returns a `rich` table of the exported files, a column for each."""
    exports = record["exports"]
    robust = [export["robust"] for export in exports]
    return _facts(
        "Exported TFLite files",
        [export["kind"] for export in exports],
        {
            "KiB": [f"{export['bytes'] / 1024:.1f}" for export in exports],
            "clean accuracy, %": [_read(export["clean"]) for export in exports],
            "under transferred images, %": [_read(each["transferred"]) for each in robust],
            "  the Keras student, %": [_read(each["keras"]["transferred"]) for each in robust],
            f"and square, n = {robust[0]['n'] if robust else 0}, %": [
                _read(each) for each in robust
            ],
            "  the Keras student under both, %": [_read(each["keras"]) for each in robust],
            "points lost, transferred / both": [
                f"{each['drop_points_transferred']:+.1f} / {each['drop_points']:+.1f}"
                f"{' FLAGGED' if each['flagged'] else ''}"
                for each in robust
            ],
            "same class as Keras, %": [f"{100 * e['agreement']['top1']:.2f}" for e in exports],
            "largest logit difference": [
                f"{e['agreement']['max_difference']:.1e}" for e in exports
            ],
            "latency p50 / p90, ms": [
                f"{e['latency']['p50_ms']:.3f} / {e['latency']['p90_ms']:.3f}" for e in exports
            ],
            "pieces that XNNPACK runs": [str(e["delegation"]["pieces"]) for e in exports],
            "threads": [str(export["latency"]["threads"]) for export in exports],
        },
    )


def verdict(record: Record | Mapping[str, Any], student: str, control: str) -> str:
    """Returns one sentence on what the method gains over the baseline.

    The models are compared under the student's `strongest_attack`.
    Where their intervals overlap, no difference is claimed.

    Args:
        record: of a run whose evaluate stage is finished.
        student: the record's name of the student.
        control: the record's name of the same architecture trained without the teacher.
    """
    robustness = results_from_json(record["robustness"])
    if control not in robustness:
        return "No baseline was trained, so nothing can be said about what the method gains."
    results, baseline = robustness[student], robustness[control]
    attacked = {name: result for name, result in results.items() if name != "clean"}
    attack = strongest_attack(attacked or results)
    ours, theirs = results[attack].accuracy, baseline[attack].accuracy
    gain = ours.points_above(theirs)
    clean = ""
    if "clean" in results:
        change = results["clean"].accuracy.points_above(baseline["clean"].accuracy)
        clean = f" Clean accuracy differs by {change:+.1f} points."
    text = f"Under {attack}, the student's strongest attack, it differs from the same architecture"
    text += f" trained without the teacher by {gain:+.1f} points (n = {ours.n}, one seed)"
    if ours.interval[0] > theirs.interval[1]:
        return f"{text}: the method helps here.{clean}"
    if ours.interval[1] < theirs.interval[0]:
        return f"{text}: the method hurts here.{clean}"
    return f"{text}; the intervals overlap: this shows no gain from the method.{clean}"


def _facts(
    title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]
) -> rich.table.Table:
    table = titled_table(title, show_header=any(columns))
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _read(values: Mapping[str, Any]) -> str:
    return str(Accuracy.from_json(values))


def _cell(accuracy: Accuracy, separator: str) -> str:
    """Returns the accuracy with its interval beside it, or below it."""
    return str(accuracy).replace(" ", separator, 1)
