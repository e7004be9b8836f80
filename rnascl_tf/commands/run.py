"""The main command: `python -m rnascl_tf --config=RECIPE --workdir=DIR`, installed as `rnascl`."""

import contextlib

import keras
import tensorflow as tf
from absl import logging

from rnascl_tf import command_line
from rnascl_tf.command_line import RecipeFlags, add_device_flags, devices_of
from rnascl_tf.command_line.logs import be_quiet
from rnascl_tf.errors import UserError
from rnascl_tf.exit_codes import EXIT_STRICT
from rnascl_tf.files import reading_only
from rnascl_tf.pipeline import STAGES, check, dry_run, execute, select
from rnascl_tf.recipes.loading import shipped_recipes
from rnascl_tf.runs import Run

USAGE = f"""
RNAS-CL: an adversarially robust teacher in, a small, searched, robust student out.

usage: rnascl --config=RECIPE[:variant] --workdir=DIR [--stages=A,B] [--config.key=value ...]

  rnascl --config=digits --workdir=runs/digits
  rnascl --config=cifar10:s3 --workdir=runs/c10 --config.teacher.onnx=teacher.onnx

RECIPE is a Python file with get_config(variant), or a shipped recipe: {", ".join(shipped_recipes())}.
The stages are {", ".join(STAGES)}. A finished stage is
skipped, a killed one resumes from its last checkpoint: run the same command again.
--dry_run prints every config key with its value.

exit code: 0 done, 2 wrong input (one line says what), 3 with --strict when a student's gradients look
masked, 130 interrupted, 143 terminated, 1 anything else.
"""


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments):
    command = RecipeFlags(USAGE)
    command.text("workdir", "Folder of the run.", needed="runs/NAME")
    command.names("stages", "Stages to run, with commas; all that the config enables if left out.")
    command.switch("overwrite", "Start the chosen stages again.")
    command.switch("strict", "Exit with 3 when gradients look masked.")
    add_device_flags(command)
    command.switch(
        "deterministic",
        "The same numbers bit for bit in every run on this machine, resumed or not; slower.",
    )
    command.switch(
        "dry_run", "Print config, stages, sizes and a measured time estimate; write nothing."
    )
    asked = command.parse(arguments)
    if asked is None:
        return 0
    config = asked.config
    check(config)
    if asked.strict and not config.evaluate.masking_examples:
        raise UserError(
            "--strict needs a verdict on masked gradients, and --config.evaluate.masking_examples=0 "
            "asks for none: give at least 1."
        )
    stages = select(config, asked.stages)
    if asked.deterministic:
        keras.utils.set_random_seed(config.seed)
        tf.config.experimental.enable_op_determinism()
    devices = devices_of(asked)
    if not devices.is_chief:
        be_quiet()
    run = Run(config, asked.workdir, devices)
    if asked.dry_run:
        dry_run(run, stages)
        return 0
    with contextlib.nullcontext() if devices.is_chief else reading_only(), devices.watching():
        execute(run, stages, overwrite=asked.overwrite)
    verdicts = run.record.get("masking", {}) if asked.strict else {}
    suspected = [name for name, verdict in verdicts.items() if verdict["suspicious"]]
    if suspected:
        logging.error("--strict: the gradients of the %s look masked", " and the ".join(suspected))
        return EXIT_STRICT
    return 0
