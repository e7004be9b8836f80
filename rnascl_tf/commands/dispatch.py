"""The one command: `rnascl COMMAND ...`; without a command's name, `rnascl run ...`."""

import importlib
import sys
from collections.abc import Sequence

from rnascl_tf import __version__
from rnascl_tf.exit_codes import EXIT_USER_ERROR
from rnascl_tf.runtime import environment
from rnascl_tf.spelling import did_you_mean

COMMANDS = {
    "run": "Search and train a small robust student of a robust teacher: the main job.",
    "predict": "Classify image files with a run's student.",
    "attack": "Attack a classifier file: robust accuracy, and whether gradients look masked.",
    "ablate": "Compare settings of a recipe over several seeds, in one table.",
    "scatter": "Draw clean against robust accuracy of every model in some runs (Figure 1).",
    "latency": "Time TFLite files, here or on an Android device.",
    "latency-table": "Time every block of a search space, to search for a latency.",
    "launch": "Run the main job as several worker processes on this machine.",
    "import-teacher": "Turn an ONNX classifier into a teacher, verified layer by layer.",
    "export-teacher": "Turn a robust PyTorch checkpoint into a verified ONNX file.",
}
"""Every command with one line; `NAME` is the file `commands/NAME.py`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given in (["--help"], ["-h"], ["help"]):
        print(_help())
        return 0
    if len(given) == 2 and given[0] == "help":
        given = [given[1], "--help"]
    if given == ["--version"]:
        print(f"rnascl {__version__}")
        return 0
    if given[0].startswith("-"):
        given.insert(0, "run")
    name, *rest = given
    if name not in COMMANDS:
        print(
            f"error: there is no command {name!r}{did_you_mean(name, COMMANDS)}: "
            "`rnascl --help` lists them.",
            file=sys.stderr,
        )
        return EXIT_USER_ERROR
    environment.start_faster()
    module = importlib.import_module(f"rnascl_tf.commands.{name.replace('-', '_')}")
    return module.main(rest)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        (
            "RNAS-CL: a small, searched, robust student of an adversarially robust teacher.",
            "",
            "usage: rnascl COMMAND ...    (rnascl COMMAND --help explains one)",
            "",
            *lines,
            "",
            "Without a command it is `rnascl run`: rnascl --config=digits --workdir=runs/digits",
        )
    )
