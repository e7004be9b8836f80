"""Config values that differ from a recipe's, as text: checked, applied, and read back."""

import re
from collections.abc import Mapping

from absl import flags
from ml_collections import ConfigDict, config_flags

from rnascl_tf.errors import UserError
from rnascl_tf.recipes.leaves import config_leaves, config_value
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.spelling import did_you_mean

# bool first: it is an int too.
_WANTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "values with commas",
}


def with_settings(reference: str, settings: Mapping[str, str]) -> ConfigDict:
    """Returns the locked config of a recipe with some of its values changed.

    Args:
        reference: the recipe, as for `load_recipe`.
        settings: {dotted config key: value as text}; switches may be "on" and "off".

    Raises:
        RecipeError: the recipe cannot be loaded.
        UserError: an unknown key, or a value of another type.
    """
    config = load_recipe(reference)
    texts = []
    for key, text in settings.items():
        refuse_unknown_key(config, key)
        texts.append(f"--config.{key}={switch_text(config, key, text)}")
    # ml_collections reads a text as the type of the value that it replaces, by way of a flag.
    parsed = flags.FlagValues()
    try:
        config_flags.DEFINE_config_dict(
            "config", config, flag_values=parsed, sys_argv=["recipe", *texts]
        )
        parsed(["recipe", *texts])
    except TypeError as error:
        raise UserError(f"a config value is of the wrong type: {error}") from error
    except flags.Error as error:
        raise UserError(wrong_value(config, str(error))) from error
    return parsed.config


def wrong_value(config: ConfigDict, complaint: str) -> str:
    """Returns absl's complaint about a config value in words that say what was wanted.

    Args:
        config: the recipe's, whose value was to be replaced.
        complaint: such as "flag --config.search.epochs=two: invalid literal for int() ...".
    """
    complaint = complaint.removeprefix("flag ")
    match = re.match(r"--config\.([\w.]+)=(.*?): ", complaint, re.DOTALL)
    default = config_value(config, match[1]) if match else None
    for kind, wanted in _WANTED.items():
        if match and isinstance(default, kind):
            return f"{match[0]}wanted {wanted}, as in the recipe: {default}."
    return complaint


def as_settings(reference: str, config: ConfigDict) -> dict[str, str]:
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


def refuse_unknown_key(config: ConfigDict, key: str) -> None:
    """Raises UserError that names a dotted key which a config does not have, and the nearest one."""
    section, path = config, key.split(".")
    for depth, name in enumerate(path):
        known = list(section) if isinstance(section, ConfigDict) else []
        if name not in known:
            where = ".".join(["config", *path[:depth]])
            has = f"it has {', '.join(known)}" if known else "it is a value, and has no keys"
            raise UserError(
                f"unknown config key --config.{key}: {where} has no "
                f"{name!r}{did_you_mean(name, known)}; {has}."
            )
        section = section[name]


def switch_text(config: ConfigDict, key: str, text: str) -> str:
    """Returns a value's text, "on" and "off" of a switch as the True and False that they mean."""
    is_switch = isinstance(config_value(config, key), bool)
    return str(text == "on") if is_switch and text in ("on", "off") else text
