"""Pictures from finished runs: `rnascl scatter RUN_OR_RECORD...` (Figure 1)."""

from pathlib import Path

from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.console import console, print_whole
from rnascl_tf.report.scatter import ScatterError, scatter_points, write_points
from rnascl_tf.report.scatter_plot import save_scatter
from rnascl_tf.report.scatter_table import scatter_table
from rnascl_tf.stages import model_styles

USAGE = """
Draw clean against robust accuracy of every model in some records (Figure 1 of the paper).

usage: rnascl scatter RUN_OR_RECORD... [--out=scatter.png]

  rnascl scatter runs/* --attack=cw --out=figure1.png

RUN_OR_RECORD is a run's folder or a record.json. The numbers are printed, and written as CSV beside
the picture. Records of different epsilons or data sets do not go into one picture.
"""

_FORMATS = (".png", ".pdf", ".svg")


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments):
    command = CommandFlags(USAGE, positional="RUN_OR_RECORD")
    command.text("out", "Picture to write: .png, .pdf or .svg.", "scatter.png")
    command.text(
        "attack", "Attack of the vertical axis, or `strongest`: each model's own worst.", "pgd20"
    )
    command.text("epsilon", "Epsilon of the attack, as 2/255; each record's own when left out.")
    asked = command.parse(arguments)
    if asked is None:
        return
    paths = command.positional
    picture = _picture(asked.out)
    attack, epsilon = _attack(asked.attack, asked.epsilon)
    points, left_out = scatter_points(paths, attack, epsilon)
    save_scatter(points, attack, picture, model_styles())
    table = picture.with_suffix(".csv")
    write_points(points, table)
    print_whole(scatter_table(points))
    for line in left_out:
        console.print(line, soft_wrap=True)
    console.print(f"Picture: {picture}   Table: {table}", soft_wrap=True)


def _picture(name):
    path = Path(name)
    if path.suffix.lower() not in _FORMATS:
        raise ScatterError(f"--out={name} has no known format: end it in {', '.join(_FORMATS)}.")
    if not path.parent.is_dir():
        raise ScatterError(f"--out={name}: there is no folder {path.parent}; make it first.")
    return path


def _attack(name, epsilon):
    """Splits "pgd20@2/255", as records name it, into attack and epsilon."""
    attack, separator, behind = name.partition("@")
    if separator and epsilon is not None:
        raise ScatterError(
            f"--attack={name} and --epsilon={epsilon} both give an epsilon: give one."
        )
    return attack, behind if separator else epsilon
