"""One table of a comparison: mean, standard deviation and n of every row over its seeds."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich.table

from rnascl_tf.files import write_csv, write_json, write_text
from rnascl_tf.pipeline.order import upstream
from rnascl_tf.record import Record
from rnascl_tf.report.table import attacks_of
from rnascl_tf.report.table_style import titled_table
from rnascl_tf.robustness import Accuracy
from rnascl_tf.stages import Stage, student_stages

_COLUMNS = ("row", "attack", "epsilon", "mean", "sd", "seeds", "images", "params", "macs")


def comparison(
    records: Mapping[str, Sequence[Record]], teachers: Sequence[Record] = ()
) -> list[dict[str, Any]]:
    """Returns the rows of the table.

    Args:
        records: {row name: records of evaluated runs, one for each seed}.
        teachers: records of the runs whose teachers the rows share, for a row of their own.

    Returns:
        A list of dicts: "row", "params" and "macs" (lists, one for each seed; None for the teacher),
        "seeds" (list), "hours" (list: search, training and fine-tuning), "accuracies" {attack:
        {"values" in [0, 1], "n" images, "mean", "sd" (standard deviation; None for one seed),
        "interval" (95% Wilson of the one value; None for several seeds), "epsilon"}}.
    """
    rows = []
    if teachers:
        results = [record["robustness"]["teacher"] for record in teachers]
        rows.append(_row("teacher", results, teachers) | {"params": None, "macs": None})
    for name, runs in records.items():
        for model, stage in student_stages().items():
            having = [run for run in runs if model in run["robustness"]]
            if having:
                results = [run["robustness"][model] for run in having]
                size = {
                    key: [run["architecture"][key] for run in having] for key in ("params", "macs")
                }
                rows.append(_row(_row_name(name, stage), results, having, stage) | size)
    return rows


def _row_name(name: str, stage: Stage) -> str:
    """Returns "gamma=1" for the student itself, "gamma=1 + TRADES" for what was made of it."""
    title = stage.style.title if stage.style else stage.name
    return (
        name + title.removeprefix("student") if title.startswith("student") else f"{name}, {title}"
    )


def _row(
    name: str,
    results: Sequence[Mapping[str, Any]],
    runs: Sequence[Record],
    stage: Stage | None = None,
) -> dict[str, Any]:
    # The rows share their teacher.
    stages = {stage.name} | upstream(stage.name) - {"teacher"} if stage else set()
    # Summed over epochs: a stage's own clock starts again when it resumes.
    hours = [
        sum(epoch["seconds"] for name in stages for epoch in run["history"].get(name, [])) / 3600
        for run in runs
    ]
    attacks = attacks_of(dict(enumerate(results)))
    return {
        "row": name,
        "seeds": [run["seeds"]["run"] for run in runs],
        "hours": hours if stage else None,
        "accuracies": {attack: _summary(attack, results) for attack in attacks},
    }


def _summary(attack: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = [result[attack] for result in results if attack in result]
    accuracies = [Accuracy.from_json(result) for result in found]
    values = [accuracy.value for accuracy in accuracies]
    return {
        "values": values,
        "n": accuracies[0].n,
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else None,
        "interval": list(accuracies[0].interval) if len(values) == 1 else None,
        "epsilon": found[0].get("epsilon"),
    }


def comparison_table(rows: Sequence[dict[str, Any]], title: str) -> rich.table.Table:
    """Returns a `rich` table of `comparison`'s rows, accuracies in percent."""
    table = titled_table(title)
    header, *lines = _cells(rows)
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", no_wrap=number > 0)
    for line in lines:
        table.add_row(*line)
    return table


def write_comparison(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Writes `comparison.json`, `.csv` (one line for each row and attack) and `.md` to a folder."""
    write_json(folder / "comparison.json", rows)
    measured = [
        {
            "row": row["row"],
            "attack": attack,
            "epsilon": found["epsilon"],
            "mean": found["mean"],
            "sd": found["sd"],
            "seeds": len(found["values"]),
            "images": found["n"],
            **{key: statistics.fmean(row[key]) if row[key] else "" for key in ("params", "macs")},
        }
        for row in rows
        for attack, found in row["accuracies"].items()
    ]
    write_csv(folder / "comparison.csv", measured, _COLUMNS)
    header, *lines = _cells(rows)
    rule = ["---", *["---:" for _ in header[1:]]]
    markdown = "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *lines))
    write_text(folder / "comparison.md", markdown)


def _cells(rows: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Yields the header and one list of texts for each row."""
    attacks = attacks_of({row["row"]: row["accuracies"] for row in rows})
    yield ["row", "params", "MACs", *attacks, "images", "seeds", "hours"]
    for row in rows:
        found = row["accuracies"]
        yield [
            row["row"],
            *(_mean(row[key], "{:,.0f}") for key in ("params", "macs")),
            *(_percent(found[attack]) if attack in found else "-" for attack in attacks),
            "/".join(str(n) for n in sorted({summary["n"] for summary in found.values()})),
            str(len(row["seeds"])),
            _mean(row["hours"], "{:.2f}"),
        ]


def _mean(values: Sequence[float] | None, form: str) -> str:
    return form.format(statistics.fmean(values)) if values else "-"


def _percent(summary: dict[str, Any]) -> str:
    if summary["sd"] is not None:
        return f"{100 * summary['mean']:.1f} ± {100 * summary['sd']:.1f}"
    return str(Accuracy.from_json({"accuracy": summary["mean"], "n": summary["n"]}))
