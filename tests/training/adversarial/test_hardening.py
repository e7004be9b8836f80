"""What a config section asks for is what the training gets."""

import pytest
import tensorflow as tf

from rnascl_tf.recipes import base_config
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import Hardening, hardening_of

THREAT_MODEL = ThreatModel(0.03)


def test_no_attack_is_a_plain_training():
    assert hardening_of(base_config().train, THREAT_MODEL, seed=1) == Hardening()
    batch = {"image": tf.zeros((2, 3, 3, 3))}
    assert Hardening().attacked(None, batch) is batch


def test_values_of_the_section_reach_the_training():
    settings = base_config().train
    values = dict(attack="pgd", attack_steps=7, attack_step_size=0.4, beta=2.0)
    settings.update(
        values
        | dict(clean_weight=0.5, label_smoothing=0.1, weight_average=0.9, self_distillation=0.3)
    )
    found = hardening_of(settings, THREAT_MODEL, seed=1)
    assert (found.attack.name, found.attack.threat_model) == ("pgd", THREAT_MODEL)
    assert (found.attack.steps, found.attack.step_fraction) == (7, 0.4)
    assert (found.beta, found.clean_weight, found.label_smoothing) == (2.0, 0.5, 0.1)
    assert (found.average, found.self_distillation) == (0.9, 0.3)
    # Epochs are judged by the same attack, whatever they train on.
    assert (found.validation.name, found.validation.steps, found.validation.step_fraction) == (
        "pgd",
        10,
        0.25,
    )
    assert found.validation.seed_generator is found.attack.seed_generator is found.seed_generator


def test_a_search_has_no_average():
    settings = base_config().search
    settings.update(dict(attack="n_fgsm", label_smoothing=0.2))
    found = hardening_of(settings, THREAT_MODEL, seed=1)
    assert (found.attack.name, found.label_smoothing, found.average) == ("n_fgsm", 0.2, 0.0)


@pytest.mark.parametrize(
    ("attack", "by_trades"), [("none", False), ("pgd", False), ("trades", True)]
)
def test_which_task_term(attack, by_trades):
    settings = base_config().train
    settings.attack = attack
    assert hardening_of(settings, THREAT_MODEL, seed=1).by_trades is by_trades
