"""configs/imagenet100.py is section A.1 for ImageNet-100 (docs/design.md, "Training")."""

import pytest

from rnascl_tf.recipes.loading import RecipeError, load_recipe


@pytest.mark.parametrize(("variant", "space"), [("is", "IS"), ("im", "IM"), ("i", "I")])
def test_variants_are_search_spaces(variant, space):
    assert load_recipe(f"imagenet100:{variant}").search.space == space


def test_schedule_and_augmentation():
    config = load_recipe("imagenet100")
    assert config.search.space == "IS"
    assert (config.search.epochs, config.train.epochs) == (100, 200)
    for stage in (config.search, config.train):
        assert (stage.learning_rate, stage.schedule, stage.l2) == (0.05, "cosine", 4e-5)
        assert (stage.momentum, stage.gamma) == (0.9, 1.0)
    data = config.data
    assert (data.name, data.batch_size, data.image_size) == ("imagenet100", 256, 224)
    assert (data.resized_crop, data.crop_padding, data.flip) == (True, 0, True)
    assert config.threat.epsilon == "8/255"


def test_unknown_variant():
    with pytest.raises(RecipeError, match="give one of is, im, i"):
        load_recipe("imagenet100:s3")
