"""The command `rnascl latency-table`: times every block of a search space.

Writes the table that `--config.search.cost=latency` searches with, and how well it predicts whole
students that it was not fitted to.
"""

from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags, writable_file
from rnascl_tf.console import console, progress
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.block_timing import (
    MeasuredTable,
    distinct_shapes,
    measure_table,
    table_files,
)
from rnascl_tf.deploy.latency.device import device_named
from rnascl_tf.deploy.tflite_kinds import KINDS
from rnascl_tf.files import write_json
from rnascl_tf.layers import ACTIVATIONS
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem
from rnascl_tf.networks.latency_table import MEDIAN_ERROR, RANK_CORRELATION
from rnascl_tf.record import git_commit, versions
from rnascl_tf.report.prediction_plot import save_prediction

USAGE = """
Time every distinct block of a search space, and check the students' times that follow from them.

usage: rnascl latency-table --space=S3 --kind=int8 --out=FILE.json
           [--device=local|adb[:SERIAL]] [--activation=relu6] [--threads=1] [--check=20]

FILE.json is for --config.search.cost=latency --config.search.latency_table=FILE.json; beside it is a
picture of predicted against measured times of --check random students. Converting the blocks takes a
second or two each; a stopped command goes on where it was when it is given again.
"""


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(
        _command,
        arguments,
        command_line.CONTINUES,
    )


def _flags():
    command = CommandFlags(USAGE)
    command.text("out", "The table to write, a .json file.", needed="FILE.json")
    command.choice("space", "Search space", tuple(SEARCH_SPACES), "S3")
    command.choice("kind", "Kind of the TFLite files", KINDS, "float32")
    command.choice("activation", "Activation of the students", tuple(ACTIVATIONS), "hard_swish")
    command.text("device", "local, adb, or adb:SERIAL.", "local")
    command.text("benchmark_model", "Path of benchmark_model for the device, which is pushed.")
    command.whole("image_size", "Side of the images; 32, or 224 for IS, IM and I.", None, 8)
    command.whole("num_classes", "Number of classes.", 10, 2)
    command.whole("threads", "CPU threads.", 1, 1)
    command.whole("runs", "Measured inferences of each file.", 400, 1)
    command.whole("rounds", "Rounds that they are divided into.", 20, 1)
    command.whole("check", "Random students that the table is checked on.", 20, 3)
    command.whole("seed", "Seed of those students.", 0, 0)
    command.switch("overwrite", "Measure FILE.json again.")
    return command


def _command(arguments):
    asked = _flags().parse(arguments)
    if asked is None:
        return
    out = writable_file("out", asked.out, ".json")
    if out.exists() and not asked.overwrite:
        raise DeployError(f"{out} is there already: give another --out, or --overwrite.")
    space = SEARCH_SPACES[asked.space]
    side = asked.image_size or (32 if space.head is None else 224)
    wanted = MeasuredTable(
        problem=SearchProblem(space, asked.num_classes, (side, side, 3)),
        kind=asked.kind,
        activation=asked.activation,
        check=asked.check,
        seed=asked.seed,
    )
    target = device_named(asked.device, asked.benchmark_model)
    console.print(
        f"{space.name}: {len(distinct_shapes(wanted.problem))} distinct blocks, "
        f"{space.size:,} students; {asked.kind}, {asked.activation}, on {target.description['cpu']}"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    parts = out.with_name(f".{out.stem}.parts")
    with progress("latency table", "files") as on_file:
        files = table_files(wanted, parts, lambda *done: on_file("conversion", *done))
    with progress("latency table", "rounds") as on_round:
        table, check = measure_table(
            wanted,
            files,
            target,
            asked.threads,
            asked.runs,
            asked.rounds,
            lambda *done: on_round("interleaved timing", *done),
        )
    settings = {"runs": asked.runs, "rounds": asked.rounds, "seed": asked.seed}
    write_json(
        out,
        table.to_json()
        | {"check": check, "settings": settings}
        | {"versions": versions(), "git_commit": git_commit()},
    )
    picture = out.with_suffix(".png")
    save_prediction(check, f"{space.name}, {asked.kind}, {asked.activation}", picture)
    for path in parts.iterdir():
        path.unlink()
    parts.rmdir()
    _say(check)
    console.print(f"Written to {out} and {picture.name}", soft_wrap=True, markup=False)


def _say(check):
    good = check["median_error"] < MEDIAN_ERROR and check["rank_correlation"] > RANK_CORRELATION
    console.print(
        f"{check['students']} random students, measured {check['fastest_ms']:.4g} to "
        f"{check['slowest_ms']:.4g} ms: predicted with a median error of "
        f"{100 * check['median_error']:.1f}%, at most {100 * check['largest_error']:.1f}%; rank "
        f"correlation {check['rank_correlation']:.3f}",
        soft_wrap=True,
    )
    if not good:
        console.print(
            f"This is worse than a search should rest on (median under {100 * MEDIAN_ERROR:.0f}%, "
            f"correlation over {RANK_CORRELATION}): "
            "measure again when nothing else runs, or with more --runs.",
            soft_wrap=True,
        )
