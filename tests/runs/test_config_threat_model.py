"""The section `threat` as a threat model."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.recipes import base_config
from rnascl_tf.runs.config_threat_model import require_epsilon, threat_model_of


def test_epsilon_and_norm_are_the_config_s():
    config = base_config()
    assert threat_model_of(config).epsilon == 8 / 255
    config.threat.update(dict(epsilon="0.5", norm="l2"))
    model = threat_model_of(config)
    assert (model.epsilon, model.norm) == (0.5, "l2")


@pytest.mark.parametrize("epsilon", ["8", "-0.1", "much"])
def test_an_epsilon_that_cannot_be_used_is_named_with_its_key(epsilon):
    config = base_config()
    config.threat.epsilon = epsilon
    with pytest.raises(UserError, match=rf"^--config\.threat\.epsilon={epsilon}: "):
        threat_model_of(config)


def test_a_training_against_attacks_needs_an_epsilon():
    config = base_config()
    require_epsilon(config, "nothing")
    config.threat.epsilon = "0"
    with pytest.raises(UserError, match=r"epsilon=0 leaves nothing .* above 0, or --config\.a=b\."):
        require_epsilon(config, "--config.a=b")
