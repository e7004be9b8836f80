"""What the config's controls switch."""

import pytest

from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs.method import control_tutors, is_taught, uses_attention

STUDENT, TEACHER = ("a", "b", "c"), ("t", "u")


@pytest.fixture
def config():
    return load_recipe("digits:smoke")


def test_by_default_everything_is_on_and_tutors_are_searched(config):
    assert uses_attention(config)
    assert is_taught(config)
    assert control_tutors(config, STUDENT, TEACHER) == "search"


@pytest.mark.parametrize("key", ["attention", "tutor"])
def test_either_key_takes_the_attention_term_out(config, key):
    config.method[key] = {"attention": False, "tutor": "none"}[key]
    assert not uses_attention(config)
    assert is_taught(config), "by KL"
    assert control_tutors(config, STUDENT, TEACHER) is None
    config.method.kl = False
    assert not is_taught(config)


def test_attention_alone_is_taught_too(config):
    config.method.kl = False
    assert is_taught(config)


def test_controls_fix_the_tutors(config):
    config.method.tutor = "same_depth"
    assert control_tutors(config, STUDENT, TEACHER) == {"a": "t", "b": "u", "c": "u"}
    config.method.tutor = "random"
    draws = set()
    for seed in range(12):
        config.seed = seed
        draws.add(tuple(control_tutors(config, STUDENT, TEACHER).values()))
    assert len(draws) > 3, "they follow the run's seed"
