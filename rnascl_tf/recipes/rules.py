"""What a config value may be, and the line that refuses another one."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.files import why_unwritable
from rnascl_tf.recipes.leaves import config_value
from rnascl_tf.spelling import did_you_mean


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a number must be.

    Attributes:
        accepts: whether a value is right.
        wanted: the same in words.
    """

    accepts: Callable[[Any], bool]
    wanted: str

    def or_none(self) -> "Rule":
        """Returns the rule of a value that may also be unset."""
        return Rule(lambda value: value is None or self.accepts(value), self.wanted)


AT_LEAST_1 = Rule(lambda value: value >= 1, "at least 1")
ABOVE_0 = Rule(lambda value: value > 0, "above 0")
AT_LEAST_0 = Rule(lambda value: value >= 0, "0 or more")
FRACTION = Rule(lambda value: 0 <= value < 1, "at least 0 and below 1")


def optimization_rules(section: str) -> dict[str, Rule]:
    """Returns the rules of the values that every training's section has."""
    return {
        f"{section}.epochs": AT_LEAST_1,
        f"{section}.learning_rate": ABOVE_0,
        f"{section}.momentum": FRACTION,
        f"{section}.l2": AT_LEAST_0,
        f"{section}.batch_norm_momentum": FRACTION.or_none(),
    }


def check_values(config: ConfigDict, rules: Mapping[str, Rule]) -> None:
    """Raises UserError at the first key whose value its rule does not accept.

    Args:
        config: the config.
        rules: {key with dots: rule}.
    """
    for key, rule in rules.items():
        value = config_value(config, key)
        if not rule.accepts(value):
            raise UserError(f"--config.{key}={value} should be {rule.wanted}.")


def check_choice(key: str, value: object, choices: Iterable[object]) -> None:
    """Raises UserError if a value is not among the choices; names the nearest one."""
    names = [str(choice) for choice in choices]
    if str(value) not in names:
        raise UserError(
            f"--config.{key} has no {value!r}{did_you_mean(str(value), names)}: give one of "
            f"{', '.join(names)}."
        )


def check_writable(key: str, folder: str) -> None:
    """Raises UserError if a folder cannot be made or written to; an empty text names no folder."""
    reason = why_unwritable(folder) if folder else None
    if reason is not None:
        raise UserError(f"--config.{key}={folder}: {reason}; give another folder.")


def split_names(key: str, values: Iterable[str]) -> tuple[str, ...]:
    """Returns the names of a list, which may come as one text with commas.

    Raises:
        UserError: there is no name.
    """
    values = tuple(values)
    if not values or not all(isinstance(value, str) for value in values):
        raise UserError(f"--config.{key} needs at least one name, got {values}.")
    return tuple(name.strip() for value in values for name in value.split(","))
