"""Variants: a list with commas, in any order; what is unknown or excludes another is refused."""

import itertools

import pytest
from ml_collections import ConfigDict

from rnascl_tf.recipes import apply_variants
from rnascl_tf.recipes.loading import RecipeError, load_recipe


def applied(text):
    config = ConfigDict({"log": ()})

    def change(name):
        def apply(config):
            config.log = (*config.log, name)

        return apply

    sizes, more = (
        {name: change(name) for name in names} for names in (("small", "large"), ("robust",))
    )
    apply_variants(config, text, sizes, more)
    return config.log


def test_the_first_size_is_the_default():
    assert applied("") == ("small",)
    assert applied("robust") == ("small", "robust")


def test_the_order_of_the_names_is_free():
    assert applied("large,robust") == applied("robust, large") == ("large", "robust")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "lage",
            "unknown variant 'lage' .did you mean large.*small, large, with or without robust",
        ),
        ("small,large", "small and large exclude each other"),
        ("robust,robust", "'robust,robust' names a variant twice"),
        ("small,", "'small,' has a comma and no name beside it"),
    ],
)
def test_what_cannot_be_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        applied(text)


@pytest.mark.parametrize("names", [("s5", "robust"), ("smoke", "robust"), ("large", "robust")])
def test_shipped_recipes_take_them_in_any_order(names):
    recipe = {"s5": "cifar10", "smoke": "digits", "large": "image_folder"}[names[0]]
    first, second = (
        load_recipe(f"{recipe}:{','.join(order)}") for order in itertools.permutations(names)
    )
    assert first == second
    assert first.train.attack == first.search.attack == "n_fgsm"
    plain = load_recipe(f"{recipe}:{names[0]}")
    assert plain.train.attack == plain.search.attack == "none"
    assert first.search.space == plain.search.space


def test_a_contradiction_is_one_line():
    with pytest.raises(RecipeError, match="config cifar10:s3,s5: the variants s3 and s5 exclude"):
        load_recipe("cifar10:s3,s5")
