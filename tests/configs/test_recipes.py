"""Every shipped recipe and variant builds, passes the checks, and names what the data set knows."""

import pytest

from rnascl_tf.data import DATASETS
from rnascl_tf.networks import SEARCH_SPACES
from rnascl_tf.pipeline import STAGES, check, select
from rnascl_tf.recipes.loading import load_recipe, shipped_recipes

REFERENCES = ["digits", "digits:demo", "digits:smoke", "digits:ablation"]
REFERENCES += ["cifar10", *(f"cifar10:{space}" for space in ("s3", "s5", "s7", "m", "l"))]
REFERENCES += ["imagenet100", *(f"imagenet100:{space}" for space in ("is", "im", "i"))]
REFERENCES += ["image_folder", "image_folder:small", "image_folder:large"]
REFERENCES += ["digits:robust", "cifar10:s7,robust", "imagenet100:im,robust"]
REFERENCES += ["image_folder:large,robust"]


def test_the_list_below_names_every_recipe():
    assert {reference.partition(":")[0] for reference in REFERENCES} == set(shipped_recipes())


@pytest.mark.parametrize("reference", REFERENCES)
def test_builds_and_passes_the_checks(reference):
    config = load_recipe(reference)
    check(config)
    assert config.data.name in DATASETS
    assert config.search.space in SEARCH_SPACES
    assert config.is_locked
    assert [stage.name for stage in select(config, [])] == [
        name for name in STAGES if name != "trades"
    ], "fine-tuning by TRADES is the user's decision"


def test_cifar10_is_section_a1():
    config = load_recipe("cifar10:s7")
    assert config.search.space == "S7"
    assert (config.data.batch_size, config.data.crop_padding, config.data.flip) == (128, 4, True)
    for stage in (config.search, config.train):
        assert (stage.epochs, stage.learning_rate, stage.schedule) == (100, 0.1, "step")
        assert (stage.momentum, stage.l2, stage.gamma) == (0.9, 2e-4, 1.0)
    assert config.threat.epsilon == "8/255"


def test_path_and_name_are_the_same_recipe():
    assert load_recipe("configs/digits.py:smoke") == load_recipe("digits:smoke")


def test_the_demo_is_robust_and_the_smoke_run_is_not():
    assert load_recipe("digits") == load_recipe("digits:demo") == load_recipe("digits:robust")
    assert load_recipe("digits").train.attack == "n_fgsm"
    assert load_recipe("digits:smoke").train.attack == "none"
