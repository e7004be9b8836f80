"""A recipe with overrides, however they are written, and as another process gets it."""

import pytest

from rnascl_tf.command_line import RecipeFlags
from rnascl_tf.recipes import as_settings, with_settings


def parse(*arguments):
    return RecipeFlags("").parse(["--config=digits:smoke", *arguments]).config


@pytest.mark.parametrize(
    ("arguments", "key", "value"),
    [
        (["--config.train.epochs=7"], "train.epochs", "7"),
        (["--config.train.epochs", "7"], "train.epochs", "7"),
        (["--config.method.kl=off"], "method.kl", "False"),
        (["--noconfig.method.kl"], "method.kl", "False"),
        (["--config.trades.enabled=on"], "trades.enabled", "True"),
        (["--config.signals.store", "a b"], "signals.store", "a b"),
        (["--config.search.target_macs=5000000"], "search.target_macs", "5000000"),
        (["--config.train.learning_rate=1e-3"], "train.learning_rate", "0.001"),
        (["--config.evaluate.attacks=clean,fgsm"], "evaluate.attacks", "clean,fgsm"),
    ],
)
def test_overrides_reach_another_process_as_they_were_meant(arguments, key, value):
    config = parse(*arguments)
    settings = as_settings("digits:smoke", config)
    assert settings == {key: value}
    assert parse(f"--config.{key}={value}") == config
    assert with_settings("digits:smoke", settings) == config


def test_a_recipe_as_it_is_has_no_settings():
    assert as_settings("digits:smoke", parse()) == {}
