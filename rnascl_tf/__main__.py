"""The main command: `python -m rnascl_tf --config=RECIPE --workdir=DIR`, installed as `rnascl`."""

import difflib
import sys

from absl import flags
from ml_collections import ConfigDict, config_flags

from rnascl_tf import command_line
from rnascl_tf.recipes import load_recipe, shipped_recipes
from rnascl_tf.stages import STAGES, USER_ERRORS, Run, UserError, check, dry_run, execute, select

USAGE = f"""
RNAS-CL: an adversarially robust teacher in, a small, searched, robust student out.

usage: rnascl --config=RECIPE[:variant] --workdir=DIR [--stages=A,B] [--config.key=value ...]

  rnascl --config=digits --workdir=runs/digits
  rnascl --config=cifar10:s3 --workdir=runs/c10 --config.teacher.onnx=teacher.onnx

RECIPE is a Python file with get_config(variant), or a shipped recipe: {", ".join(shipped_recipes())}.
The stages are {", ".join(STAGES)}. A finished stage is
skipped, a killed one resumes from its last epoch: run the same command again.
--dry_run prints every config key with its value.

exit code: 0 done, 2 wrong input (one line says what), 130 interrupted, 1 anything else.
"""


def main(arguments=None):
    """Runs the command; returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return command_line.run(_command, arguments, USER_ERRORS)


def _command(arguments):
    reference, arguments = _take_config(arguments)
    flag_values = command_line.new_flags()
    flags.DEFINE_string("workdir", None, "Folder of the run.", flag_values=flag_values)
    flags.DEFINE_list(
        "stages",
        [],
        "Comma-separated stages to run; all that the config enables when left out.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool("overwrite", False, "Start the chosen stages again.", flag_values=flag_values)
    flags.DEFINE_bool(
        "dry_run",
        False,
        "Print config, stages, sizes and a measured time estimate; write nothing.",
        flag_values=flag_values,
    )
    try:
        if reference is not None:
            config = load_recipe(reference)
            _refuse_unknown_keys(config, arguments)
            config_flags.DEFINE_config_dict(
                "config", config, flag_values=flag_values, sys_argv=["rnascl", *arguments]
            )
        positional = command_line.parse(flag_values, arguments, USAGE)
    except TypeError as error:  # what ml_collections raises for a value of another type
        raise UserError(f"a --config value is of the wrong type: {error}") from error
    if positional is None:
        return
    if positional:
        raise UserError(f"unexpected argument {positional[0]!r}: every option starts with --.")
    if reference is None:
        raise UserError("--config is missing: give a recipe, for example --config=digits.")
    if flag_values.workdir is None:
        raise UserError("--workdir is missing: give the run's folder, --workdir=runs/NAME.")
    config = flag_values.config
    check(config)
    stages = select(config, flag_values.stages)
    run = Run(config, flag_values.workdir)
    if flag_values.dry_run:
        dry_run(run, stages)
    else:
        execute(run, stages, overwrite=flag_values.overwrite)


def _refuse_unknown_keys(config, arguments):
    """Names the key, which ml_collections' own error does not."""
    for argument in arguments:
        name = argument.lstrip("-").partition("=")[0]
        if not name.startswith("config."):
            continue
        section, path = config, name.split(".")[1:]
        for depth, key in enumerate(path):
            if not isinstance(section, ConfigDict) or key not in section:
                known = list(section) if isinstance(section, ConfigDict) else ["no keys"]
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}."
                where = ".".join(["config", *path[:depth]])
                raise UserError(f"unknown config key --{name}: {where} has no {key!r}; {hint}")
            section = section[key]


def _take_config(arguments):
    """Returns the recipe's reference, or None, and the arguments without it."""
    reference, rest, position = None, [], 0
    while position < len(arguments):
        argument = arguments[position]
        if argument in ("--config", "-config") and position + 1 < len(arguments):
            position += 1
            reference = arguments[position]
        elif argument.startswith(("--config=", "-config=")):
            reference = argument.partition("=")[2]
        else:
            rest.append(argument)
        position += 1
    return reference, rest


if __name__ == "__main__":
    sys.exit(main())
