"""The variant "robust" changes how the student is trained, and nothing that a comparison must share."""

import pytest

from rnascl_tf.pipeline import check
from rnascl_tf.recipes import base_config, config_leaves
from rnascl_tf.recipes import robust as make_robust
from rnascl_tf.recipes.loading import load_recipe


def test_only_the_method_its_search_and_its_training_change():
    config, plain = base_config(), base_config()
    make_robust(config)
    before = dict(config_leaves(plain))
    changed = {key for key, value in config_leaves(config) if value != before[key]}
    assert {key.partition(".")[0] for key in changed} <= {"method", "search", "train", "signals"}
    assert {"search.attack", "train.attack", "train.keep_best", "train.weight_average"} <= changed
    assert (config.method.kl_first, config.signals.views) == ("teacher", 8)
    assert not {"search.epochs", "train.epochs", "search.space", "train.gamma"} & changed


@pytest.mark.parametrize("recipe", ["digits", "cifar10", "imagenet100", "image_folder"])
def test_every_recipe_with_it_passes_the_checks(recipe):
    config = load_recipe(f"{recipe}:robust")
    check(config)
    assert config.train.attack == "n_fgsm"
