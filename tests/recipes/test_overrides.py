"""Config values as text: what is read, what is refused, and what another process is told."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.recipes.overrides import as_settings, with_settings


def test_a_text_becomes_a_value_of_the_recipe_s_type():
    settings = {
        "search.epochs": "7",
        "search.gamma": "0.5",
        "method.kl": "off",
        "trades.enabled": "on",
        "evaluate.attacks": "clean,fgsm",
        "threat.epsilon": "2/255",
    }
    config = with_settings("digits", settings)
    assert (config.search.epochs, config.search.gamma) == (7, 0.5)
    assert (config.method.kl, config.trades.enabled) == (False, True)
    assert config.evaluate.attacks == ("clean,fgsm",)  # `split_names` has its commas
    assert config.threat.epsilon == "2/255"


def test_what_differs_from_the_recipe_is_all_that_another_process_needs():
    settings = {
        "search.target_macs": "5000000",
        "method.kl": "False",
        "evaluate.attacks": "fgsm,cw",
    }
    config = with_settings("digits:smoke", settings)
    assert as_settings("digits:smoke", config) == settings
    assert with_settings("digits:smoke", as_settings("digits:smoke", config)) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"search.epoch": "5"}, r"config\.search has no 'epoch' .did you mean epochs\?"),
        ({"serch.epochs": "5"}, r"config has no 'serch' .did you mean search\?"),
        ({"search.epochs.x": "5"}, r"config\.search\.epochs has no 'x'; it is a value"),
        ({"search.epochs": "two"}, r"search\.epochs=two: wanted a whole number"),
        ({"search.gamma": "much"}, r"search\.gamma=much: wanted a number"),
        ({"method.kl": "perhaps"}, r"method\.kl=perhaps: wanted true or false"),
    ],
)
def test_what_cannot_be_meant_is_one_line(settings, message):
    with pytest.raises(UserError, match=message) as refusal:
        with_settings("digits", settings)
    assert "\n" not in str(refusal.value)
