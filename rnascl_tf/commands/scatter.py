"""Figure 1 from finished runs: `rnascl scatter RUN_OR_RECORD...`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags

USAGE = """
Draw clean against robust accuracy of every model in some records (Figure 1 of the paper).

usage: rnascl scatter RUN_OR_RECORD... [--out=scatter.png]

  rnascl scatter runs/* --attack=cw --out=figure1.png

RUN_OR_RECORD is a run's folder or a record.json. The numbers are printed, and written as CSV next to
the picture. Records with different epsilons or data sets cannot share a picture.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE, positional="RUN_OR_RECORD")
    command.text("out", "Picture to write: .png, .pdf or .svg.", "scatter.png")
    command.text(
        "attack", "Attack of the vertical axis, or `strongest`: each model's own worst.", "pgd20"
    )
    command.text("epsilon", "Epsilon of the attack, as 2/255; each record's own if left out.")
    asked = command.parse(arguments)
    if asked is not None:
        jobs.draw_scatter(command.positional, asked.out, asked.attack, asked.epsilon)
