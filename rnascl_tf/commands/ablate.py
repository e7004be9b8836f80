"""Compare settings over several seeds: `rnascl ablate --config=RECIPE --vary=tutor`."""

from pathlib import Path

from absl import logging

from rnascl_tf import command_line
from rnascl_tf.ablation import (
    VARIED,
    Job,
    comparison,
    comparison_table,
    parse_row,
    row_stages,
    run_jobs,
    vary,
    write_comparison,
)
from rnascl_tf.command_line import RecipeFlags
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.errors import UserError
from rnascl_tf.files import write_text
from rnascl_tf.pipeline import branch, check
from rnascl_tf.recipes import as_settings, with_settings
from rnascl_tf.record import Record

USAGE = f"""
Runs a recipe once for every row and seed, and writes one table: mean, standard deviation, n.

usage: rnascl ablate --config=RECIPE --workdir=DIR --vary=NAME[=value,value] [--seeds=3]
                                  [--row=NAME:key=value,key=value] [--config.key=value ...]

  rnascl ablate --config=digits:ablation --workdir=runs/tutors --vary=tutor --seeds=2
  rnascl ablate --config=digits --workdir=runs/gamma --vary=gamma=1,10 --vary=kl

NAME is one of {", ".join(VARIED)}, whose values are known, or any config key with values. Several
--vary make every combination; --row adds a row of its own, --row=NAME alone the recipe as it is. For
each seed, DIR/base/seed_N holds the teacher and the search that its rows share, DIR/ROW/seed_N one
row; the table is DIR/comparison.md, .csv and .json. A finished run is skipped, a killed one resumes:
give the same command again.
Rows share the searched filters and tutors, so that they differ in what is varied alone: gamma is then
train.gamma. --search=each searches for each row. The table has every row that the folder holds.

exit code: 0 done, 2 wrong input or a run that failed, 130 interrupted, 1 anything else.
"""

_SHARED = ("seed", "data", "threat", "teacher")


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments):
    command = _flags()
    asked = command.parse(arguments)
    if asked is None:
        return
    config, recipe = asked.config, command.reference
    common = as_settings(recipe, config)
    check(config)
    rows = vary(asked.vary) + [parse_row(text) for text in asked.row]
    once = asked.search == "once"
    rows = {row: _row_settings(row, common, recipe, once) for row in _named(rows)}
    workdir = Path(asked.workdir)
    seeds = [config.seed + number for number in range(asked.seeds)]
    bases = {seed: workdir / "base" / f"seed_{seed}" for seed in seeds}
    stages = ["teacher", "search"] if once else ["teacher"]
    # The rows' tutors are switched; those that they share are searched.
    shared = common | {"method.tutor": "search", "method.attention": "True"} if once else common
    jobs = [
        _job(f"base, seed {seed}", recipe, shared, seed, base, stages)
        for seed, base in bases.items()
    ]
    _run(jobs, asked.jobs, "shared teacher and search" if once else "shared teacher")
    jobs = []
    for row, (settings, stages) in rows.items():
        for seed, base in bases.items():
            folder = workdir / row.folder / f"seed_{seed}"
            branch(base, folder, ("teacher",))
            write_text(folder.parent / "name.txt", row.name + "\n")
            if once:
                found = base / "search" / "architecture.json"
                settings = settings | {"search.architecture": str(found)}
            jobs.append(_job(f"{row.name}, seed {seed}", recipe, settings, seed, folder, stages))
    try:
        _run(jobs, asked.jobs, "rows")
    finally:
        _show(workdir)


def _flags():
    command = RecipeFlags(USAGE)
    command.text("workdir", "Folder of all runs.", needed="runs/NAME")
    command.repeated("vary", "NAME, or NAME=value,value; may be repeated.")
    command.repeated("row", "NAME:key=value,key=value; may be repeated.")
    command.whole("seeds", "Runs of each row.", 1, 1)
    command.whole("jobs", "Runs at a time; they share the cores.", 2, 1)
    command.choice(
        "search",
        "Search once for each seed and share the filters, or for each row",
        ("once", "each"),
        "once",
    )
    return command


def _named(rows):
    """Refuses rows that could not be told apart, or none at all."""
    if not rows:
        raise UserError(
            f"nothing to compare: give --vary={'|'.join(VARIED)} or --row=NAME:key=value."
        )
    folders = [row.folder for row in rows]
    for row in rows:
        if folders.count(row.folder) > 1 or row.folder == "base":
            raise UserError(f"two rows would be called {row.folder!r}: give other names.")
        if row.folder.startswith((".", "comparison.")):
            raise UserError(f"a row cannot be called {row.name!r}: start its name with a letter.")
    return rows


def _row_settings(row, common, recipe, once):
    """Returns a row's settings and stages; refuses what cannot run, before anything does."""
    settings = common | dict(row.settings) | {"baseline.enabled": "False"}
    config = with_settings(recipe, settings)
    check(config)
    for key, _ in row.settings:
        section = key.partition(".")[0]
        if section in _SHARED:
            raise UserError(
                f"row {row.name!r} sets {key}, but all rows share their teacher and data: give "
                f"--config.{key} for all of them."
            )
        if once and section == "search" and key != "search.gamma":
            raise UserError(
                f"row {row.name!r} sets {key}, which acts in the search alone, and the rows share "
                "theirs: give --search=each."
            )
    if once and "search.gamma" not in common:
        settings.pop("search.gamma", None)  # gamma_s has acted in the shared search already
    return settings, row_stages(config)


def _arguments(recipe, settings):
    return [f"--config={recipe}", *[f"--config.{key}={value}" for key, value in settings.items()]]


def _job(name, recipe, settings, seed, workdir, stages):
    arguments = _arguments(recipe, settings | {"seed": str(seed)})
    arguments += [f"--workdir={workdir}", f"--stages={','.join(stages)}"]
    return Job(name, tuple(arguments), workdir / "log.txt")


def _run(jobs, at_once, title):
    with progress(title, unit="runs") as on_batch:
        done = []

        def on_done(job, failure):
            done.append(job)
            on_batch("all", len(done), len(jobs))
            logging.info("%s: %s", job.name, failure or "finished")

        failures = run_jobs(jobs, at_once, on_done)
    if failures:
        job, failure = next(iter(failures.items()))
        raise UserError(f"{len(failures)} of {len(jobs)} runs failed; {job.name}: {failure}")


def _show(workdir):
    """Prints and writes the table of every row in the folder, also of earlier commands."""
    runs = {}
    for path in sorted(workdir.glob("*/name.txt"), key=lambda path: path.stat().st_mtime):
        records = [Record(found) for found in sorted(path.parent.glob("seed_*/record.json"))]
        evaluated = [record for record in records if _is_evaluated(record)]
        if evaluated:
            runs[path.read_text().strip()] = evaluated
    if runs:
        bases = [Record(path) for path in sorted(workdir.glob("base/seed_*/record.json"))]
        rows = comparison(runs, bases)
        write_comparison(rows, workdir)
        epsilon = next(iter(runs.values()))[0]["config"]["threat"]["epsilon"]
        print_whole(comparison_table(rows, f"Accuracy in %, L-inf epsilon {epsilon}, pixel space"))
        console.print(
            "hours: search of its own, training and fine-tuning; a shared search, stored teacher "
            "signals and attacks are not in them",
            soft_wrap=True,
        )
        console.print(f"Table: {workdir / 'comparison.md'}, .csv, .json", soft_wrap=True)


def _is_evaluated(record):
    return record["stages"].get("evaluate", {}).get("status") == "finished"
