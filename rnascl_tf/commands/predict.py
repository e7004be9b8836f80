"""Classify image files with a run's student: `rnascl predict --workdir=DIR IMAGE...`."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from rnascl_tf import command_line
from rnascl_tf.data import MARGIN, read_images, unit_range
from rnascl_tf.errors import UserError
from rnascl_tf.record import Record
from rnascl_tf.runs import load_student, stage_file

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
    flag_values = command_line.new_flags()
    flags.DEFINE_string("workdir", None, "Folder of the run.", flag_values=flag_values)
    flags.DEFINE_integer(
        "top", 3, "How many classes to print.", lower_bound=1, flag_values=flag_values
    )
    images = command_line.parse(flag_values, arguments, USAGE)
    if images is None:
        return
    if flag_values.workdir is None:
        raise UserError("--workdir is missing: give the folder of a finished run.")
    if not images:
        raise UserError("no image file was given: rnascl predict --workdir=DIR IMAGE")
    path = Path(flag_values.workdir) / "record.json"
    if not path.exists():
        raise UserError(f"{path.parent} is no run folder: give the --workdir of a finished run.")
    record = Record(path)
    student = load_student(flag_values.workdir, _exported_stage(record))
    labels = stage_file(flag_values.workdir, "export", "labels.txt").read_text().splitlines()
    # As the evaluation has seen its images.
    margin = MARGIN if record["config"]["data"].get("resized_crop") else 1.0
    pixels = unit_range(read_images(images, student.input_shape[1:], margin))
    probabilities = tf.nn.softmax(student.predict(pixels, verbose=0)).numpy()
    for path, row in zip(images, probabilities, strict=True):
        best = np.argsort(-row)[: flag_values.top]
        print(f"{path}:", ", ".join(f"{labels[index]} {100 * row[index]:.1f}%" for index in best))


def _exported_stage(record):
    """Returns the stage whose student the run has exported: the fine-tuned one, where there is one."""
    exports = record.get("exports") or [{}]
    return "trades" if exports[0].get("model") == "trades" else "train"
