"""`--config=RECIPE --config.key=value` on a command line, for every command that takes a recipe."""

from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from rnascl_tf.command_line.command_flags import CommandFlags, FlagError
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.recipes.overrides import refuse_unknown_key, switch_text, wrong_value


class RecipeFlags(CommandFlags):
    """Flags of a command that needs a recipe, which is the value `config` of the parsed flags."""

    def __init__(self, usage: str) -> None:
        super().__init__(usage)
        self.need("config", "digits")
        self.reference = ""
        """What `--config` said, after `parse`."""

    def parse(self, arguments: Sequence[str]) -> Any | None:
        """Parses as `CommandFlags.parse`; `config` is then the locked config, not checked yet.

        Raises:
            FlagError: as there, no recipe, or a config value of another type.
            UserError: an unknown config key.
            RecipeError: the recipe cannot be loaded.
        """
        reference, rest = take_recipe(arguments)
        if reference is None:
            flags.DEFINE_string("config", None, "A recipe.", flag_values=self.values)
            rest = [argument for argument in rest if not argument.startswith("--config.")]
            return super().parse(rest)
        self.reference = reference
        config = load_recipe(reference)
        for argument in rest:
            name = argument.lstrip("-").partition("=")[0]
            if name.startswith("config."):
                refuse_unknown_key(config, name.removeprefix("config."))
        rest = [_switch(config, argument) for argument in rest]
        try:
            config_flags.DEFINE_config_dict(
                "config", config, flag_values=self.values, sys_argv=["rnascl", *rest]
            )
            return super().parse(rest)
        except FlagError as error:
            raise FlagError(wrong_value(config, str(error))) from error
        except TypeError as error:  # what ml_collections raises for a value of another type
            raise FlagError(f"a --config value is of the wrong type: {error}") from error


def take_recipe(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
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


def _switch(config: ConfigDict, argument: str) -> str:
    """Lets switches be given as on and off too."""
    flag, separator, value = argument.partition("=")
    if not separator or not flag.lstrip("-").startswith("config."):
        return argument
    return f"{flag}={switch_text(config, flag.lstrip('-').removeprefix('config.'), value)}"
