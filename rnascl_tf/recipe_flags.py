"""`--config=RECIPE --config.key=value` on a command line, for every command that takes a recipe."""

import difflib

from ml_collections import ConfigDict, config_flags

from rnascl_tf import command_line
from rnascl_tf.errors import UserError
from rnascl_tf.recipes import config_leaves, load_recipe


def parse(flag_values, arguments, usage):
    """Parses a command line that names a recipe.

    Args:
        flag_values: from `command_line.new_flags`, with the command's own flags added.
        arguments: the command line without the program's name.
        usage: what `--help` prints above the flags.

    Returns:
        The locked config with its overrides, not checked yet; None after having printed the help.

    Raises:
        UserError: no recipe, an unknown key, a value of another type, or a positional argument.
        RecipeError: the recipe cannot be had.
        absl.flags.Error: an unknown flag.
    """
    reference, rest = take_recipe(arguments)
    try:
        if reference is not None:
            config = load_recipe(reference)
            _refuse_unknown_keys(config, rest)
            rest = [_switch(config, argument) for argument in rest]
            config_flags.DEFINE_config_dict(
                "config", config, flag_values=flag_values, sys_argv=["rnascl", *rest]
            )
        positional = command_line.parse(flag_values, rest, usage)
    except TypeError as error:  # what ml_collections raises for a value of another type
        raise UserError(f"a --config value is of the wrong type: {error}") from error
    if positional is None:
        return None
    if positional:
        raise UserError(f"unexpected argument {positional[0]!r}: every option starts with --.")
    if reference is None:
        raise UserError("--config is missing: give a recipe, for example --config=digits.")
    return flag_values.config


def as_settings(reference, config):
    """Returns {config key: value as text} of everything in which a config differs from its recipe.

    With `--config=reference` and one `--config.key=text` for each, another process has this config,
    however it was written on this command line.
    """
    recipe, settings = dict(config_leaves(load_recipe(reference))), {}
    for key, value in config_leaves(config):
        if value != recipe[key] and value is not None:
            if isinstance(value, tuple):
                value = ",".join(map(str, value))
            settings[key] = str(value)
    return settings


def take_recipe(arguments):
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


def _switch(config, argument):
    """Lets switches be given as on and off too."""
    flag, _, value = argument.partition("=")
    if not flag.lstrip("-").startswith("config."):
        return argument
    for key in flag.lstrip("-").split(".")[1:]:
        config = config[key]
    if isinstance(config, bool) and value in ("on", "off"):
        return f"{flag}={value == 'on'}"
    return argument


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
