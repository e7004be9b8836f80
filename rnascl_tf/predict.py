"""Classify image files with a run's student: `python -m rnascl_tf.predict --workdir=DIR IMAGE...`."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from rnascl_tf import command_line
from rnascl_tf.data import MARGIN, read_images, unit_range
from rnascl_tf.report import Record
from rnascl_tf.stages import USER_ERRORS, UserError, load_student, run_file

USAGE = """
Classify image files with a run's trained student.

usage: python -m rnascl_tf.predict --workdir=DIR [--top=3] IMAGE...

Images of any size and mode are converted to RGB, their centre resized to the student's input.
One line is printed for each: the file, then the most probable classes.
"""


def main(arguments=None):
    """Runs the command; returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return command_line.run(_command, arguments, USER_ERRORS)


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
        raise UserError("no image file was given: python -m rnascl_tf.predict --workdir=DIR IMAGE")
    path = Path(flag_values.workdir) / "record.json"
    if not path.exists():
        raise UserError(f"{path.parent} is no run folder: give the --workdir of a finished run.")
    record = Record(path)
    student = load_student(flag_values.workdir, _exported_stage(record))
    labels = run_file(flag_values.workdir, "export", "labels.txt").read_text().splitlines()
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


if __name__ == "__main__":
    sys.exit(main())
