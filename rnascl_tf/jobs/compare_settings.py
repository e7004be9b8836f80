"""Runs a recipe once for every row and seed, and writes one table: mean, standard deviation, n."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import logging
from ml_collections import ConfigDict

from rnascl_tf import ablation, data, pipeline, report
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.errors import UserError
from rnascl_tf.files import writable_folder, write_text
from rnascl_tf.jobs.named_files import require_named_files
from rnascl_tf.recipes import as_settings, with_settings
from rnascl_tf.record import Record
from rnascl_tf.stages import STAGES


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """A comparison of settings.

    Attributes:
        recipe: reference of the recipe, "digits:ablation".
        config: its locked config, with what is changed for all rows.
        workdir: folder of all runs.
        vary: "NAME" or "NAME=value,value"; several make every combination.
        rows: "NAME:key=value,key=value", rows of their own.
        seeds: number of runs of each row, 1 or more.
        at_once: number of runs at a time, which share the cores.
        shares_search: search once for each seed and share the filters, or search for each row.
    """

    recipe: str
    config: ConfigDict
    workdir: str | Path
    vary: Sequence[str] = ()
    rows: Sequence[str] = ()
    seeds: int = 1
    at_once: int = 2
    shares_search: bool = True


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What the runs of one row are: its settings, {config key: text}, and the stages to run."""

    row: ablation.Row
    settings: Mapping[str, str]
    stages: Sequence[str]


def compare_settings(request: ComparisonRequest) -> None:
    """Runs what is not finished, then prints and writes the table of every row in the folder.

    Raises:
        UserError: rows that cannot run or cannot be told apart, or a run that failed.
    """
    once, recipe = request.shares_search, request.recipe
    workdir = writable_folder("workdir", request.workdir)
    common = as_settings(recipe, request.config) | _shared_signals(workdir, request.config)
    plans = _plans(request, common)
    seeds = [request.config.seed + number for number in range(request.seeds)]
    bases = {seed: workdir / "base" / f"seed_{seed}" for seed in seeds}
    stages = ["teacher", "search"] if once else ["teacher"]
    # The rows' tutors are switched; those that they share are searched.
    shared = common | {"method.tutor": "search", "method.attention": "True"} if once else common
    jobs = [
        _job(f"base, seed {seed}", recipe, shared, seed, base, stages)
        for seed, base in bases.items()
    ]
    _run(jobs, request.at_once, "shared teacher and search" if once else "shared teacher")
    jobs = []
    for plan in plans:
        for seed, base in bases.items():
            folder = workdir / plan.row.folder / f"seed_{seed}"
            pipeline.branch(base, folder, ("teacher",))
            write_text(folder.parent / "name.txt", plan.row.name + "\n")
            settings = dict(plan.settings)
            if once:
                settings["search.architecture"] = str(base / "search" / "architecture.json")
            name = f"{plan.row.name}, seed {seed}"
            jobs.append(_job(name, recipe, settings, seed, folder, plan.stages))
    try:
        _run(jobs, request.at_once, "rows")
    finally:
        _show(workdir)


def _plans(request: ComparisonRequest, common: Mapping[str, str]) -> list[_Plan]:
    """Returns all rows' plans; refuses what cannot run, before anything does."""
    rows = ablation.vary(request.vary) + [ablation.parse_row(text) for text in request.rows]
    _check_names(rows)
    plans, configs = [], [request.config]
    for row in rows:
        settings = {**common, **dict(row.settings), **_without_controls()}
        config = with_settings(request.recipe, settings)
        settings |= _shared_signals(Path(request.workdir), config)
        _check_settings(row, request.shares_search)
        configs.append(config)
        if request.shares_search and "search.gamma" not in common:
            settings.pop("search.gamma", None)  # gamma_s has acted in the shared search already
        plans.append(_Plan(row, settings, ablation.row_stages(config)))
    # All that needs no TensorFlow first: a misspelt value of a row is then answered at once.
    for config in configs:
        require_named_files(config)
        pipeline.check_values(config)
    data.check_place(request.config.data.name, request.config.data.data_dir)
    pipeline.check_stages(*configs)
    return plans


def _shared_signals(workdir: Path, config: ConfigDict) -> dict[str, str]:
    """Returns the setting that lets the runs of fixed views share one store, unless it has a place."""
    wanted = config.signals.views and not config.signals.store
    return {"signals.store": str(workdir / "signals")} if wanted else {}


def _without_controls() -> dict[str, str]:
    """Returns the settings that switch off the students that only show what a run gains."""
    controls = (stage for stage in STAGES.values() if stage.is_control)
    return {stage.switch: "False" for stage in controls if stage.switch}


def _check_names(rows: Sequence[ablation.Row]) -> None:
    """Refuses rows that could not be told apart, and a comparison without rows."""
    if not rows:
        raise UserError(
            f"nothing to compare: give --vary={'|'.join(ablation.VARIED)} or --row=NAME:key=value."
        )
    folders = [row.folder for row in rows]
    for row in rows:
        if folders.count(row.folder) > 1 or row.folder == "base":
            raise UserError(f"two rows would be called {row.folder!r}: give other names.")
        if row.folder.startswith((".", "comparison.")):
            raise UserError(f"a row cannot be called {row.name!r}: start its name with a letter.")


def _check_settings(row: ablation.Row, shares_search: bool) -> None:
    for key, _ in row.settings:
        section = key.partition(".")[0]
        if section in STAGES["teacher"].sections:
            raise UserError(
                f"row {row.name!r} sets {key}, but all rows share their teacher and data: give "
                f"--config.{key} for all of them."
            )
        if shares_search and section == "search" and key != "search.gamma":
            raise UserError(
                f"row {row.name!r} sets {key}, which acts in the search only, and the rows share "
                "theirs: give --search=each."
            )


def _job(
    name: str,
    recipe: str,
    settings: Mapping[str, str],
    seed: int,
    workdir: Path,
    stages: Sequence[str],
) -> ablation.Job:
    values = {**settings, "seed": str(seed)}
    arguments = (
        f"--config={recipe}",
        *(f"--config.{key}={value}" for key, value in values.items()),
        f"--workdir={workdir}",
        f"--stages={','.join(stages)}",
    )
    return ablation.Job(name, arguments, workdir / "log.txt")


def _run(jobs: Sequence[ablation.Job], at_once: int, title: str) -> None:
    with progress(title, unit="runs") as on_batch:
        done: list[ablation.Job] = []

        def on_done(job: ablation.Job, failure: str | None) -> None:
            done.append(job)
            on_batch("all", len(done), len(jobs))
            logging.info("%s: %s", job.name, failure or "finished")

        failures = ablation.run_jobs(jobs, at_once, on_done)
    if failures:
        job, failure = next(iter(failures.items()))
        raise UserError(f"{len(failures)} of {len(jobs)} runs failed; {job.name}: {failure}")


def _show(workdir: Path) -> None:
    """Prints and writes the table of every row in the folder, also of earlier commands."""
    runs = {}
    for path in sorted(workdir.glob("*/name.txt"), key=lambda path: path.stat().st_mtime):
        records = [Record(found) for found in sorted(path.parent.glob("seed_*/record.json"))]
        evaluated = [record for record in records if record.is_finished("evaluate")]
        if evaluated:
            runs[path.read_text().strip()] = evaluated
    if runs:
        bases = [Record(path) for path in sorted(workdir.glob("base/seed_*/record.json"))]
        rows = ablation.comparison(runs, bases)
        ablation.write_comparison(rows, workdir)
        title = f"Accuracy in %, {report.threat_of(next(iter(runs.values()))[0])}"
        print_whole(ablation.comparison_table(rows, title))
        console.print(
            "hours: search of its own, training and fine-tuning; a shared search, stored teacher "
            "signals and attacks are not in them",
            soft_wrap=True,
        )
        console.print(f"Table: {workdir / 'comparison.md'}, .csv, .json", soft_wrap=True)
