"""Rows of a comparison from the text of their flags."""

import pytest

from rnascl_tf.ablation import parse_row, vary
from rnascl_tf.errors import UserError


def test_a_control_has_values_of_its_own():
    rows = vary(["tutor"])
    assert [row.name for row in rows] == [
        "tutor=search",
        "tutor=random",
        "tutor=same_depth",
        "tutor=reversed",
        "tutor=none",
    ]
    assert rows[1].arguments == ["--config.method.tutor=random"]
    assert rows[1].folder == "tutor_random"


def test_gamma_sets_both_stages():
    (row,) = vary(["gamma=10"])
    assert row.settings == (("search.gamma", "10"), ("train.gamma", "10"))


def test_several_flags_make_every_combination():
    rows = vary(["gamma=1,10", "kl"])
    assert [row.name for row in rows] == [
        "gamma=1, kl=on",
        "gamma=1, kl=off",
        "gamma=10, kl=on",
        "gamma=10, kl=off",
    ]
    assert len({row.folder for row in rows}) == 4


def test_any_config_key_can_be_varied():
    (low, high) = vary(["train.learning_rate=0.05,0.1"])
    assert low.arguments == ["--config.train.learning_rate=0.05"]
    assert high.name == "learning_rate=0.1"


@pytest.mark.parametrize("text", ["epochs", "train.epochs", "gamma=1,,10", "train.epochs="])
def test_refuses_a_name_without_values(text):
    with pytest.raises(UserError, match="--vary="):
        vary([text])


def test_a_row_of_its_own():
    row = parse_row("cross-entropy only:kl=off,attention=off,evaluate.attacks=clean,fgsm")
    assert row.name == "cross-entropy only"
    assert row.folder == "cross-entropy_only"
    assert row.settings == (
        ("method.kl", "off"),
        ("method.attention", "off"),
        ("evaluate.attacks", "clean,fgsm"),
    )
    assert parse_row("as it is").settings == ()


@pytest.mark.parametrize("text", ["", ":kl=off", "a:kl", "a:=off", "a:kl="])
def test_refuses_another_form(text):
    with pytest.raises(UserError, match="--row="):
        parse_row(text)


@pytest.mark.parametrize("text", ["tutr", "tutr=random", "Tutor", "gama=1,10"])
def test_a_misspelt_name_is_answered_with_the_nearest(text):
    near = "gamma" if text.startswith("g") else "tutor"
    with pytest.raises(UserError, match=rf"--vary={text}: .*did you mean {near}\?") as caught:
        vary([text])
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=rf"--row=mine:kl=off,.*did you mean {near}\?"):
        parse_row(f"mine:kl=off,{text.partition('=')[0]}=1")


def test_a_key_that_is_like_a_short_name_is_a_key():
    (row,) = vary(["train.gamma=3"])
    assert row.settings == (("train.gamma", "3"),)
