"""Checks of the config values that trainings on attacked images have in common."""

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.recipes.choices import NO_ATTACK
from rnascl_tf.recipes.rules import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    FRACTION,
    Rule,
    check_values,
)


def attack_rules(section: str) -> dict[str, Rule]:
    """Returns the rules of the values that every section with an attack has."""
    return {
        f"{section}.attack_steps": AT_LEAST_1,
        f"{section}.attack_step_size": ABOVE_0,
        f"{section}.beta": AT_LEAST_0,
        f"{section}.label_smoothing": FRACTION,
    }


def check_hardening(config: ConfigDict, section: str) -> None:
    """Raises UserError at values of a student's training that cannot be had together."""
    settings = config[section]
    check_values(
        config,
        {
            **attack_rules(section),
            f"{section}.weight_average": FRACTION,
            f"{section}.self_distillation": FRACTION,
            f"{section}.self_distillation_start": FRACTION,
        },
    )
    if settings.self_distillation and not settings.weight_average:
        raise UserError(
            f"--config.{section}.self_distillation={settings.self_distillation} takes labels from the "
            f"averaged network: give --config.{section}.weight_average above 0, as 0.997."
        )
    if settings.keep_best and settings.attack == NO_ATTACK:
        raise UserError(
            f"--config.{section}.keep_best=true keeps the best epoch of a training on attacked images, "
            f"which --config.{section}.attack=none is not: give an attack, "
            f"or --config.{section}.keep_best=false."
        )
