"""Values of trainings on attacked images that cannot be used are named with what to give."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import check
from rnascl_tf.recipes.loading import load_recipe


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("train", {"attack_steps": 0}, "train.attack_steps=0 should be at least 1"),
        ("search", {"attack_step_size": 0.0}, "search.attack_step_size=0.0 should be above 0"),
        (
            "train",
            {"label_smoothing": 1.0},
            "train.label_smoothing=1.0 should be at least 0 and below 1",
        ),
        ("search", {"label_smoothing": -0.1}, "search.label_smoothing=-0.1"),
        ("train", {"attack": "n-fgsm"}, "train.attack has no 'n-fgsm' .did you mean n_fgsm"),
        ("trades", {"attack": "none"}, "trades.attack has no 'none'"),
        ("train", {"keep_best": True}, "give an attack, or --config.train.keep_best=false"),
        ("train", {"self_distillation": 0.3}, "train.weight_average above 0"),
        ("train", {"clean_weight": 1.0}, "has them already: leave clean_weight out"),
        ("train", {"attack": "trades", "clean_weight": 1.0}, "leave clean_weight out"),
        ("train", {"attack": "pgd", "clean_weight": -1.0}, "should be 0 or more"),
        ("train", {"weight_average": 1.0}, "train.weight_average=1.0"),
    ],
)
def test_one_line_names_the_key(section, values, message):
    config = load_recipe("digits:smoke")
    config[section].update(values)
    with pytest.raises(UserError, match=message):
        check(config)


@pytest.mark.parametrize("section", ["train", "search"])
def test_an_attack_needs_an_epsilon(section):
    config = load_recipe("digits:smoke")
    config.teacher.onnx = "teacher.onnx"
    config.threat.epsilon = "0"
    check(config)
    config[section].attack = "n_fgsm"
    with pytest.raises(UserError, match=f"above 0, or --config.{section}.attack=none"):
        check(config)
