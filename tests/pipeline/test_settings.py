"""Values of a config that no stage could use are refused before any work."""

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import check
from rnascl_tf.pipeline.settings import check_replicas
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run


@pytest.fixture
def config():
    return load_recipe("digits:smoke")


def in_l2(config, **changes):
    config.threat.update(dict(norm="l2", epsilon="0.5"))
    config.unlock()
    config.update_from_flattened_dict(changes)
    config.lock()
    return config


def test_epsilon_is_of_the_norm(config, tmp_path):
    config.threat.epsilon = "1.5"
    with pytest.raises(UserError, match="more than the whole pixel range"):
        check(config)
    config.threat.norm = "l2"
    check(config)
    assert str(Run(config, tmp_path).threat_model) == "l2 1.5, pixel space"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("threat.norm", "l1", r"threat\.norm has no 'l1'.*: give one of linf, l2"),
        ("threat.epsilon", "8", r"--config\.threat\.epsilon"),
        ("evaluate.attacks", ("clean", "spsa"), "attacks: spsa works in linf, and the norm is l2"),
        ("evaluate.attacks", ("pgd20@21",), "attacks: epsilon is 21, over 20"),
        ("export.transferred", ("spsa",), "give attacks with gradients for the norm l2"),
    ],
)
def test_refusals_in_l2(config, key, value, message):
    config = in_l2(config, **{key: value})
    if key == "threat.epsilon":
        config.threat.norm = "linf"
    with pytest.raises(UserError, match=message) as refusal:
        check(config)
    assert "\n" not in str(refusal.value)


def test_an_attack_in_l2_alone_is_refused_in_linf(config):
    config.evaluate.attacks = ("pgd20", "cwl2")
    with pytest.raises(UserError, match="attacks: cwl2 works in l2, and the norm is linf"):
        check(config)


def test_all_attacks_of_the_recipes_work_in_l2(config):
    config.evaluate.attacks = (*config.evaluate.attacks, "bim", "cwl2", "autoattack", "pgd20@1")
    check(in_l2(config))


def test_an_epsilon_that_looks_like_another_norms_is_said(config, caplog):
    check(in_l2(config))
    assert not caplog.records
    check(in_l2(config, **{"threat.epsilon": "8/255"}))
    (record,) = caplog.records
    assert "8/255 is small for L2" in record.getMessage()


def test_there_is_no_negative_number_of_views(config):
    config.signals.views = -1
    with pytest.raises(UserError, match=r"^--config\.signals\.views=-1 should be 0 or more\.$"):
        check(config)
    config.signals.views = 0
    check(config)


def test_several_views_need_images_that_change(config):
    config.signals.views = 2
    check(config)
    config.data.crop_padding = 0
    with pytest.raises(
        UserError, match=r"signals\.views=2.*give 1, or --config\.data\.crop_padding"
    ):
        check(config)
    config.signals.views = 1
    check(config)
    config.signals.views = 2
    config.data.flip = True
    check(config)


@pytest.mark.parametrize(("size", "advice"), [(33, "give 32 or 34,"), (4, "give 6,")])
def test_every_replica_has_a_part_that_can_be_split(config, size, advice):
    config.data.batch_size = size
    with pytest.raises(UserError, match=rf"batch_size={size} does not divide .*: {advice}"):
        check_replicas(config, 2)
    config.data.batch_size = 6
    check_replicas(config, 2)
