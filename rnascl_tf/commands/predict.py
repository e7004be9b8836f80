"""Classify image files with a run's student: `rnascl predict --workdir=DIR IMAGE...`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags

USAGE = """
Classify image files with a run's trained student.

usage: rnascl predict --workdir=DIR [--top=3] IMAGE...

Images may have any size and mode: they are converted to RGB, and their centre is resized to the
student's input. Each gets one line: the file, then the most probable classes.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE, positional="IMAGE")
    command.text("workdir", "Folder of a finished run.", needed="runs/NAME")
    command.whole("top", "Number of classes to print.", 3, 1)
    asked = command.parse(arguments)
    if asked is not None:
        for line in jobs.classify_images(asked.workdir, command.positional, asked.top):
            print(line)
