"""Time every block of a search space: `rnascl latency-table --out=FILE.json`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.networks.search_space import SEARCH_SPACES
from rnascl_tf.recipes.choices import names

USAGE = """
Time every distinct block of a search space, and check the students' times that follow from them.

usage: rnascl latency-table --space=S3 --kind=int8 --out=FILE.json
           [--device=local|adb[:SERIAL]] [--activation=relu6] [--threads=1] [--check=20]

FILE.json is for --config.search.cost=latency --config.search.latency_table=FILE.json. A picture with
the same name shows predicted against measured times of --check random students. Each block takes one
or two seconds to convert. If the command is stopped, the same command continues.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, command_line.CONTINUES)


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE)
    command.text("out", "The table to write, a .json file.", needed="FILE.json")
    command.choice("space", "Search space", tuple(SEARCH_SPACES), "S3")
    command.choice("kind", "Kind of the TFLite files", names("export.kinds"), "float32")
    command.choice(
        "activation", "Activation of the students", names("search.activation"), "hard_swish"
    )
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
    asked = command.parse(arguments)
    if asked is not None:
        jobs.make_latency_table(command.fill(jobs.LatencyTableRequest))
