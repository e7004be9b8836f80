"""The names that configs may use are those that the rooms implement."""

import pytest

from rnascl_tf import deploy, layers, objectives, recipes
from rnascl_tf.errors import UserError
from rnascl_tf.layers import gumbel
from rnascl_tf.pipeline import check
from rnascl_tf.recipes.choices import CHOICES, names
from rnascl_tf.robustness.attacks.registry import ATTACK_BUDGETS
from rnascl_tf.robustness.threat_model import NORMS
from rnascl_tf.stages import native_teacher
from rnascl_tf.training import ATTACK_KINDS, FIXED_TUTORS, moving_statistics
from teachers import precision
from teachers.native import NETWORKS


@pytest.mark.parametrize(
    ("key", "implemented"),
    [
        ("teacher.adversarial", tuple(ATTACK_KINDS)),
        ("search.attack", ("none", *ATTACK_KINDS)),
        ("train.attack", ("none", *ATTACK_KINDS)),
        ("trades.attack", tuple(ATTACK_KINDS)),
        ("method.kl_first", objectives.KL_FIRST),
        ("teacher.network", (native_teacher.SMALL, *NETWORKS)),
        ("teacher.precision", precision.PRECISIONS),
        ("search.activation", layers.ACTIVATIONS),
        ("search.noise", gumbel.NOISES),
        ("search.cost", objectives.COST_MODELS),
        ("method.tutor", ("search", *FIXED_TUTORS, "none")),
        ("replicas.batch_norm", moving_statistics.SEMANTICS),
        ("threat.norm", NORMS),
        ("evaluate.budget", ATTACK_BUDGETS),
        ("export.kinds", deploy.KINDS),
    ],
)
def test_names_are_those_of_the_implementation(key, implemented):
    assert names(key) == tuple(implemented)


def test_every_key_is_one_of_the_base_config_and_its_default_is_a_choice():
    config = recipes.base_config()
    for key, choices in CHOICES.items():
        value = recipes.config_value(config, key)
        values = value if isinstance(value, tuple) else (value,)
        assert set(values) <= set(choices), key


def test_check_refuses_any_other_name():
    for key in CHOICES:
        config = recipes.load_recipe("digits:smoke")
        section, _, name = key.partition(".")
        with config.unlocked():
            config[section][name] = (
                ("other",)
                if key == "export.kinds"
                else 7
                if key == "teacher.stem_stride"
                else "other"
            )
        with pytest.raises(UserError, match=key):
            check(config)
