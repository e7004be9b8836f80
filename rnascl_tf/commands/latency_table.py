"""The command `rnascl latency-table`: times every block of a search space.

Writes the table that `--config.search.cost=latency` searches with, and how well it predicts whole
students that it was not fitted to.
"""

from absl import flags

from rnascl_tf import command_line
from rnascl_tf.console import console, progress
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.block_timing import (
    MeasuredTable,
    distinct_shapes,
    measure_table,
    table_files,
)
from rnascl_tf.deploy.latency.device import device
from rnascl_tf.deploy.tflite import KINDS
from rnascl_tf.files import write_json
from rnascl_tf.layers import ACTIVATIONS
from rnascl_tf.networks import SEARCH_SPACES
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
        "interrupted; the same command goes on where it was.",
    )


def _flags():
    flag_values = command_line.new_flags()
    for name, default, text in (
        ("out", None, "The table, a .json file."),
        ("device", "local", "local, adb, or adb:SERIAL."),
        ("benchmark_model", None, "Path of benchmark_model for the device, which is pushed."),
    ):
        flags.DEFINE_string(name, default, text, flag_values=flag_values)
    for name, default, choices, text in (
        ("space", "S3", tuple(SEARCH_SPACES), "Search space."),
        ("kind", "float32", KINDS, "Of the TFLite files."),
        ("activation", "hard_swish", tuple(ACTIVATIONS), "Of the students."),
    ):
        flags.DEFINE_enum(name, default, choices, text, flag_values=flag_values)
    for name, default, lowest, text in (
        ("image_size", None, 8, "Side of the images; 32, or 224 for IS, IM and I."),
        ("num_classes", 10, 2, "Number of classes."),
        ("threads", 1, 1, "CPU threads."),
        ("runs", 400, 1, "Measured inferences of each file."),
        ("rounds", 20, 1, "Turns that they are divided into."),
        ("check", 20, 3, "Random students that the table is checked on."),
        ("seed", 0, 0, "Of those students."),
    ):
        flags.DEFINE_integer(name, default, text, lowest, flag_values=flag_values)
    flags.DEFINE_bool("overwrite", False, "Measure FILE.json again.", flag_values=flag_values)
    return flag_values


def _command(arguments):
    asked = _flags()
    if not command_line.parse_flags(asked, arguments, USAGE, ("out",)):
        return
    out = command_line.writable_file("out", asked.out, ".json")
    if out.exists() and not asked.overwrite:
        raise DeployError(f"{out} is there already: give another --out, or --overwrite.")
    space = SEARCH_SPACES[asked.space]
    side = asked.image_size or (32 if space.head is None else 224)
    wanted = MeasuredTable(
        space=space,
        kind=asked.kind,
        activation=asked.activation,
        input_shape=(side, side, 3),
        num_classes=asked.num_classes,
        check=asked.check,
        seed=asked.seed,
    )
    target = device(asked.device, asked.benchmark_model)
    console.print(
        f"{space.name}: {len(distinct_shapes(space, wanted.input_shape))} distinct blocks, "
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
            lambda *done: on_round("timing in turns", *done),
        )
    settings = {"runs": asked.runs, "rounds": asked.rounds, "seed": asked.seed}
    write_json(
        out,
        table.as_json()
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
