"""The main job: `rnascl run --config=RECIPE --workdir=DIR`, also without the word `run`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import RecipeFlags, add_device_flags
from rnascl_tf.exit_codes import EXIT_STRICT
from rnascl_tf.recipes.loading import shipped_recipes
from rnascl_tf.stages.registry import STAGES

USAGE = f"""
Search and train a small robust student of an adversarially robust teacher, stage by stage.

usage: rnascl run --config=RECIPE[:variant] --workdir=DIR [--stages=A,B] [--config.key=value ...]

  rnascl run --config=digits --workdir=runs/digits
  rnascl run --config=cifar10:s3 --workdir=runs/c10 --config.teacher.onnx=teacher.onnx

RECIPE is a Python file with get_config(variant), or a shipped recipe: {", ".join(shipped_recipes())}.
The stages are {", ".join(STAGES)}.
A finished stage is skipped. A killed one resumes from its last checkpoint: run the same command again.
--dry_run prints every config key with its value. The word `run` may be left out.

exit code: 0 done, 2 wrong input (one line says what), 3 with --strict when a student's gradients look
masked, 130 interrupted, 143 terminated, 1 anything else.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments)


def _command(arguments: Sequence[str]) -> int:
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
    masked = jobs.run_recipe(
        jobs.RunRequest(
            config=asked.config,
            workdir=asked.workdir,
            stages=tuple(asked.stages),
            overwrite=asked.overwrite,
            strict=asked.strict,
            strategy=asked.strategy,
            logical_cpus=asked.logical_cpus,
            deterministic=asked.deterministic,
            dry_run=asked.dry_run,
        )
    )
    return EXIT_STRICT if masked else 0
