"""One table of a comparison: mean, standard deviation and n of every row over its seeds."""

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class SeedAccuracies:
    """One model's accuracy under one attack, once for each seed. `str` gives it in percent.

    Attributes:
        accuracies: one for each seed, at least one.
        epsilon: the attack's radius in [0, 1] pixels; None for clean images.
    """

    accuracies: tuple[Accuracy, ...]
    epsilon: float | None

    @property
    def n(self) -> int:
        """Images, the same number for each seed."""
        return self.accuracies[0].n

    @property
    def mean(self) -> float:
        """The mean over seeds, in [0, 1]."""
        return statistics.fmean(self._values)

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds; None for one seed."""
        return statistics.stdev(self._values) if len(self.accuracies) > 1 else None

    @property
    def _values(self) -> list[float]:
        return [accuracy.value for accuracy in self.accuracies]

    def __str__(self) -> str:
        if self.std is None:
            return str(self.accuracies[0])
        return f"{100 * self.mean:.1f} ± {100 * self.std:.1f}"

    def to_json(self) -> dict[str, Any]:
        """Returns {"values", "n", "mean", "sd", "interval" (null for several seeds), "epsilon"}."""
        alone = len(self.accuracies) == 1
        return {
            "values": self._values,
            "n": self.n,
            "mean": self.mean,
            "sd": self.std,
            "interval": list(self.accuracies[0].interval) if alone else None,
            "epsilon": self.epsilon,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """A row of the table: one model, trained once for each seed.

    Attributes:
        row: its name.
        seeds: of the runs.
        hours: search, training and fine-tuning of each run; None for the teacher.
        results: {attack: its accuracies}.
        params: of each run's student; None for the teacher.
        macs: likewise.
    """

    row: str
    seeds: tuple[int, ...]
    hours: tuple[float, ...] | None
    results: Mapping[str, SeedAccuracies]
    params: tuple[int, ...] | None = None
    macs: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the fields by name, `results` as "accuracies"."""
        return {
            "row": self.row,
            "seeds": self.seeds,
            "hours": self.hours,
            "accuracies": {attack: result.to_json() for attack, result in self.results.items()},
            "params": self.params,
            "macs": self.macs,
        }


def comparison(
    records: Mapping[str, Sequence[Record]], teachers: Sequence[Record] = ()
) -> list[ComparedModel]:
    """Returns the rows of the table.

    Args:
        records: {row name: records of evaluated runs, one for each seed}.
        teachers: records of the runs whose teachers the rows share, for a row of their own.
    """
    rows = []
    if teachers:
        rows.append(
            ComparedModel(
                row="teacher",
                seeds=_seeds(teachers),
                hours=None,
                results=_results(teachers, "teacher"),
            )
        )
    for name, runs in records.items():
        for model, stage in student_stages().items():
            having = [run for run in runs if model in run["robustness"]]
            if having:
                rows.append(
                    ComparedModel(
                        row=_row_name(name, stage),
                        seeds=_seeds(having),
                        hours=_hours(having, stage),
                        results=_results(having, model),
                        params=tuple(run["architecture"]["params"] for run in having),
                        macs=tuple(run["architecture"]["macs"] for run in having),
                    )
                )
    return rows


def _row_name(name: str, stage: Stage) -> str:
    """Returns "gamma=1" for the student itself, "gamma=1 + fine-tuning" for what was made of it."""
    title = stage.style.title if stage.style else stage.name
    return (
        name + title.removeprefix("student") if title.startswith("student") else f"{name}, {title}"
    )


def _seeds(runs: Sequence[Record]) -> tuple[int, ...]:
    return tuple(run["seeds"]["run"] for run in runs)


def _hours(runs: Sequence[Record], stage: Stage) -> tuple[float, ...]:
    # The rows share their teacher.
    stages = {stage.name} | upstream(stage.name) - {"teacher"}
    # Summed over epochs: a stage's own clock starts again when it resumes.
    return tuple(
        sum(epoch["seconds"] for name in stages for epoch in run["history"].get(name, [])) / 3600
        for run in runs
    )


def _results(runs: Sequence[Record], model: str) -> dict[str, SeedAccuracies]:
    measured = [run["robustness"][model] for run in runs]
    attacks = attacks_of(dict(enumerate(measured)))
    return {attack: _over_seeds(attack, measured) for attack in attacks}


def _over_seeds(attack: str, measured: Sequence[Mapping[str, Any]]) -> SeedAccuracies:
    found = [results[attack] for results in measured if attack in results]
    return SeedAccuracies(tuple(map(Accuracy.from_json, found)), found[0].get("epsilon"))


def comparison_table(rows: Sequence[ComparedModel], title: str) -> rich.table.Table:
    """Returns a `rich` table of `comparison`'s rows, accuracies in percent."""
    table = titled_table(title)
    header, *lines = _cells(rows)
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", no_wrap=number > 0)
    for line in lines:
        table.add_row(*line)
    return table


def write_comparison(rows: Sequence[ComparedModel], folder: Path) -> None:
    """Writes `comparison.json`, `.csv` (one line for each row and attack) and `.md` to a folder."""
    write_json(folder / "comparison.json", [row.to_json() for row in rows])
    measured = [
        {
            "row": row.row,
            "attack": attack,
            "epsilon": result.epsilon,
            "mean": result.mean,
            "sd": result.std,
            "seeds": len(result.accuracies),
            "images": result.n,
            "params": statistics.fmean(row.params) if row.params else "",
            "macs": statistics.fmean(row.macs) if row.macs else "",
        }
        for row in rows
        for attack, result in row.results.items()
    ]
    write_csv(folder / "comparison.csv", measured, _COLUMNS)
    header, *lines = _cells(rows)
    rule = ["---", *["---:" for _ in header[1:]]]
    markdown = "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *lines))
    write_text(folder / "comparison.md", markdown)


def _cells(rows: Sequence[ComparedModel]) -> Iterator[list[str]]:
    """Yields the header and one list of texts for each row."""
    attacks = attacks_of({row.row: row.results for row in rows})
    yield ["row", "params", "MACs", *attacks, "images", "seeds", "hours"]
    for row in rows:
        yield [
            row.row,
            _mean(row.params, "{:,.0f}"),
            _mean(row.macs, "{:,.0f}"),
            *(str(row.results[attack]) if attack in row.results else "-" for attack in attacks),
            "/".join(str(n) for n in sorted({result.n for result in row.results.values()})),
            str(len(row.seeds)),
            _mean(row.hours, "{:.2f}"),
        ]


def _mean(values: Sequence[float] | None, form: str) -> str:
    return form.format(statistics.fmean(values)) if values else "-"
