"""Classify image files with a run's student: `rnascl predict --workdir=DIR IMAGE...`."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.data import MARGIN, read_images, unit_range
from rnascl_tf.errors import UserError
from rnascl_tf.record import Record
from rnascl_tf.runs import load_student, stage_file
from rnascl_tf.stages import student_stages

USAGE = """
Classify image files with a run's trained student.

usage: rnascl predict --workdir=DIR [--top=3] IMAGE...

Images of any size and mode are converted to RGB, their centre resized to the student's input.
One line is printed for each: the file, then the most probable classes.
"""


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments):
    command = CommandFlags(USAGE, positional="IMAGE")
    command.text("workdir", "Folder of a finished run.", needed="runs/NAME")
    command.whole("top", "How many classes to print.", 3, 1)
    asked = command.parse(arguments)
    if asked is None:
        return
    images = command.positional
    path = Path(asked.workdir) / "record.json"
    if not path.exists():
        raise UserError(f"{path.parent} is no run folder: give the --workdir of a finished run.")
    record = Record(path)
    student = load_student(asked.workdir, _exported_stage(record))
    labels = stage_file(asked.workdir, "export", "labels.txt").read_text().splitlines()
    # As the evaluation has seen its images.
    margin = MARGIN if record["config"]["data"].get("resized_crop") else 1.0
    pixels = unit_range(read_images(images, student.input_shape[1:], margin))
    probabilities = tf.nn.softmax(student.predict(pixels, verbose=0)).numpy()
    for path, row in zip(images, probabilities, strict=True):
        best = np.argsort(-row)[: asked.top]
        print(f"{path}:", ", ".join(f"{labels[index]} {100 * row[index]:.1f}%" for index in best))


def _exported_stage(record):
    """Returns the stage whose student the run has exported: the fine-tuned one, where there is one."""
    exports = record.get("exports") or [{}]
    return student_stages()[exports[0].get("model", "student")].name
