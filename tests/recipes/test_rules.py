"""What config values may be, at their limits."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.recipes import base_config
from rnascl_tf.recipes.rules import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    FRACTION,
    check_choice,
    check_values,
    check_writable,
    optimization_rules,
    split_names,
)


@pytest.mark.parametrize(
    ("rule", "accepted", "refused"),
    [
        (AT_LEAST_1, (1, 2), (0, -1)),
        (ABOVE_0, (1e-12, 3), (0, -0.1)),
        (AT_LEAST_0, (0, 0.5), (-1e-12,)),
        (FRACTION, (0, 0.999), (1, 1.5, -0.1)),
        (FRACTION.or_none(), (None, 0.5), (1,)),
    ],
)
def test_limits(rule, accepted, refused):
    assert all(rule.accepts(value) for value in accepted)
    assert not any(rule.accepts(value) for value in refused)


@pytest.mark.parametrize("section", ["teacher", "search", "train", "trades"])
def test_every_training_s_values_are_checked(section):
    config = base_config()
    check_values(config, optimization_rules(section))
    wrong = {"epochs": 0, "learning_rate": 0.0, "momentum": 1.0, "l2": -1.0}
    for key, value in (wrong | {"batch_norm_momentum": 1.0}).items():
        changed = base_config()
        changed[section][key] = value
        with pytest.raises(UserError, match=rf"^--config\.{section}\.{key}={value} should be"):
            check_values(changed, optimization_rules(section))


def test_a_choice_names_the_nearest():
    check_choice("search.space", "S3", ("S3", "S5"))
    with pytest.raises(UserError, match=r"did you mean relu6\?.*give one of relu6, gelu"):
        check_choice("search.activation", "relu66", ("relu6", "gelu"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    check_writable("signals.store", "")
    check_writable("signals.store", str(tmp_path / "new"))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--config\.signals\.store=.*file/below: .*another folder"):
        check_writable("signals.store", str(tmp_path / "file" / "below"))


def test_names_with_commas_are_split_and_none_is_refused():
    assert split_names("evaluate.attacks", ("clean, fgsm", "cw")) == ("clean", "fgsm", "cw")
    with pytest.raises(UserError, match="needs at least one name"):
        split_names("evaluate.attacks", ())
