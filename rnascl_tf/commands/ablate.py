"""Compare settings over several seeds: `rnascl ablate --config=RECIPE --vary=tutor`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.ablation.rows import VARIED
from rnascl_tf.command_line import RecipeFlags

USAGE = f"""
Run a recipe once for every row and seed, and write one table: mean, standard deviation, n.

usage: rnascl ablate --config=RECIPE --workdir=DIR --vary=NAME[=value,value] [--seeds=3]
                                  [--row=NAME:key=value,key=value] [--config.key=value ...]

  rnascl ablate --config=digits:ablation --workdir=runs/tutors --vary=tutor --seeds=2
  rnascl ablate --config=digits --workdir=runs/gamma --vary=gamma=1,10 --vary=kl

NAME is one of {", ".join(VARIED)}, which have values of their own, or any config key
with values. Several --vary make every combination. --row adds a single row; --row=NAME without
settings is the recipe as it is. For each seed, DIR/base/seed_N holds the teacher and the search that
its rows share, and DIR/ROW/seed_N holds one row. The table is DIR/comparison.md, .csv and .json, with
every row in the folder. A finished run is skipped, a killed one resumes: run the same command again.
Rows share the searched filters and tutors, so that they differ only in what is varied; gamma is then
train.gamma. --search=each searches for each row.

exit code: 0 done, 2 wrong input or a run that failed, 130 interrupted, 1 anything else.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments: Sequence[str]) -> None:
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
    asked = command.parse(arguments)
    if asked is not None:
        jobs.compare_settings(
            jobs.ComparisonRequest(
                recipe=command.reference,
                config=asked.config,
                workdir=asked.workdir,
                vary=asked.vary,
                rows=asked.row,
                seeds=asked.seeds,
                at_once=asked.jobs,
                shares_search=asked.search == "once",
            )
        )
