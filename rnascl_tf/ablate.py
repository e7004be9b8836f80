"""Compare settings over several seeds: `python -m rnascl_tf.ablate --config=RECIPE --vary=tutor`."""

import sys
from pathlib import Path

from absl import flags, logging

from rnascl_tf import command_line, recipe_flags
from rnascl_tf.ablation import (
    VARIED,
    Job,
    comparison,
    comparison_table,
    parse_row,
    run_jobs,
    vary,
    write_comparison,
)
from rnascl_tf.report import Record, console, progress
from rnascl_tf.stages import USER_ERRORS, UserError, branch, check

USAGE = f"""
Runs a recipe once for every row and seed, and writes one table: mean, standard deviation, n.

usage: python -m rnascl_tf.ablate --config=RECIPE --workdir=DIR --vary=NAME[=value,value] [--seeds=3]
                                  [--row=NAME:key=value,key=value] [--config.key=value ...]

  python -m rnascl_tf.ablate --config=digits:ablation --workdir=runs/tutors --vary=tutor --seeds=2
  python -m rnascl_tf.ablate --config=digits --workdir=runs/gamma --vary=gamma=1,10 --vary=kl

NAME is one of {", ".join(VARIED)}, whose values are known, or any config key with values. Several
--vary make every combination; --row adds a row of its own. For each seed, DIR/base/seed_N holds the
teacher and the search that its rows share, DIR/ROW/seed_N one row; the table is DIR/comparison.md,
.csv and .json. A finished run is skipped, a killed one resumes: give the same command again.
Rows share the searched filters, so that they differ in what is varied alone; --search=each searches
for each row.

exit code: 0 done, 2 wrong input or a run that failed, 130 interrupted, 1 anything else.
"""

_SHARED = ("seed", "data", "threat", "teacher")


def main(arguments=None):
    """Runs the command; returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return command_line.run(_command, arguments, USER_ERRORS)


def _command(arguments):
    flag_values = command_line.new_flags()
    _define(flag_values)
    config = recipe_flags.parse(flag_values, arguments, USAGE)
    if config is None:
        return
    if flag_values.workdir is None:
        raise UserError("--workdir is missing: give a folder for all runs, --workdir=runs/NAME.")
    check(config)
    rows = vary(flag_values.vary) + [parse_row(text) for text in flag_values.row]
    recipe, given = recipe_flags.take_recipe(arguments)
    common = [f"--config={recipe}", *[text for text in given if text.lstrip("-")[:7] == "config."]]
    once = flag_values.search == "once"
    trades = _check_rows(rows, common, once)
    workdir = Path(flag_values.workdir)
    seeds = [config.seed + number for number in range(flag_values.seeds)]
    bases = {seed: workdir / "base" / f"seed_{seed}" for seed in seeds}
    base_stages = ("teacher", "search") if once else ("teacher",)
    _run(
        [
            _job(f"base, seed {seed}", common, seed, base, base_stages)
            for seed, base in bases.items()
        ],
        flag_values.jobs,
        "shared teacher and search" if once else "shared teacher",
    )
    jobs, runs = [], {row.name: [] for row in rows}
    for row in rows:
        for seed, base in bases.items():
            folder = workdir / row.folder / f"seed_{seed}"
            runs[row.name].append(folder)
            branch(base, folder, ("teacher",))
            row_arguments = [*common, *row.arguments, "--config.baseline.enabled=false"]
            if once:
                found = base / "search" / "architecture.json"
                row_arguments.append(f"--config.search.architecture={found}")
            stages = ["search", "train", *(["trades"] if row in trades else []), "evaluate"]
            jobs.append(_job(f"{row.name}, seed {seed}", row_arguments, seed, folder, stages))
    try:
        _run(jobs, flag_values.jobs, "rows")
    finally:
        _show(workdir, runs, bases.values())


def _define(flag_values):
    flags.DEFINE_string("workdir", None, "Folder of all runs.", flag_values=flag_values)
    flags.DEFINE_multi_string(
        "vary", [], "NAME, or NAME=value,value; may be repeated.", flag_values=flag_values
    )
    flags.DEFINE_multi_string(
        "row", [], "NAME:key=value,key=value; may be repeated.", flag_values=flag_values
    )
    flags.DEFINE_integer("seeds", 1, "Runs of each row.", lower_bound=1, flag_values=flag_values)
    flags.DEFINE_integer(
        "jobs", 2, "Runs at a time; they share the cores.", lower_bound=1, flag_values=flag_values
    )
    flags.DEFINE_enum(
        "search",
        "once",
        ("once", "each"),
        "Search once for each seed and share the filters, or for each row.",
        flag_values=flag_values,
    )


def _check_rows(rows, common, once):
    """Refuses rows that cannot run, before anything does; returns those with TRADES."""
    if not rows:
        raise UserError(
            f"nothing to compare: give --vary={'|'.join(VARIED)} or --row=NAME:key=value."
        )
    folders = [row.folder for row in rows]
    for row in rows:
        if folders.count(row.folder) > 1 or row.folder == "base":
            raise UserError(f"two rows would be called {row.folder!r}: give other names.")
        for key, _ in row.settings:
            section = key.partition(".")[0]
            if section in _SHARED:
                raise UserError(
                    f"row {row.name!r} sets {key}, but all rows share their teacher and data: "
                    f"give --config.{key} for all of them."
                )
            if once and section == "search" and key != "search.gamma":
                raise UserError(
                    f"row {row.name!r} sets {key}, which acts in the search alone, and the rows "
                    "share theirs: give --search=each."
                )
    trades = []
    for row in rows:
        config = recipe_flags.parse(command_line.new_flags(), [*common, *row.arguments], USAGE)
        check(config)
        if config.trades.enabled:
            trades.append(row)
    return trades


def _job(name, arguments, seed, workdir, stages):
    arguments = [*arguments, f"--config.seed={seed}", f"--workdir={workdir}"]
    return Job(name, (*arguments, f"--stages={','.join(stages)}"), workdir / "log.txt")


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


def _show(workdir, runs, bases):
    """Prints and writes the table of what there is, also when some runs have failed."""
    finished = {
        name: [record for record in map(_record, folders) if _is_evaluated(record)]
        for name, folders in runs.items()
    }
    finished = {name: records for name, records in finished.items() if records}
    if finished:
        rows = comparison(finished, [_record(base) for base in bases])
        write_comparison(rows, workdir)
        epsilon = next(iter(finished.values()))[0]["config"]["threat"]["epsilon"]
        console.print(
            comparison_table(rows, f"Accuracy in %, L-inf epsilon {epsilon}, pixel space")
        )
        console.print(f"Table: {workdir / 'comparison.md'}, .csv, .json", soft_wrap=True)


def _record(folder):
    return Record(folder / "record.json")


def _is_evaluated(record):
    return record["stages"].get("evaluate", {}).get("status") == "finished"


if __name__ == "__main__":
    sys.exit(main())
