"""The variant "robust" changes how the student is trained, and nothing that a comparison must share."""

import pytest

from rnascl_tf.pipeline import check
from rnascl_tf.recipes import config_leaves
from rnascl_tf.recipes.loading import load_recipe


def changed(variant):
    """Returns {key: its value} of all that ",robust" changes in a variant of a recipe."""
    before = dict(config_leaves(load_recipe(variant)))
    after = dict(config_leaves(load_recipe(f"{variant},robust")))
    return {key: value for key, value in after.items() if value != before[key]}


def test_the_papers_recipe_changes_in_these_values_alone():
    assert changed("cifar10:s3") == {
        "signals.views": 8,
        "method.kl_first": "teacher",
        "search.attack": "n_fgsm",
        "search.label_smoothing": 0.1,
        "search.batch_norm_momentum": 0.9,
        "train.attack": "n_fgsm",
        "train.label_smoothing": 0.1,
        "train.schedule": "warmup_cosine",
        "train.l2": 5e-4,
        "train.weight_average": 0.997,
        "train.keep_best": True,
        "train.batch_norm_momentum": 0.9,
        "trades.label_smoothing": 0.1,
        "trades.l2": 5e-4,
        "trades.keep_best": True,
        "trades.batch_norm_momentum": 0.9,
    }


def test_recipes_of_large_images_keep_their_weight_decay():
    small = changed("image_folder:small")
    assert (small["train.l2"], small["trades.l2"]) == (5e-4, 5e-4)
    for variant in ("image_folder:large", "imagenet100:is"):
        assert not {"train.l2", "trades.l2"} & changed(variant).keys()
        config = load_recipe(f"{variant},robust")
        assert (config.train.l2, config.trades.l2) == (4e-5, 4e-5)


@pytest.mark.parametrize("recipe", ["digits", "cifar10", "imagenet100", "image_folder"])
def test_every_recipe_with_it_passes_the_checks(recipe):
    config = load_recipe(f"{recipe}:robust")
    check(config)
    assert config.train.attack == "n_fgsm"
