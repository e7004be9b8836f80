"""configs/image_folder.py: a user's folder becomes a data set that every part takes."""

import numpy as np
import pytest
from PIL import Image

from rnascl_tf.networks import SEARCH_SPACES, build_student, describe
from rnascl_tf.recipes.loading import RecipeError, load_recipe
from rnascl_tf.runs import training_stream
from rnascl_tf.runs.run import Run


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for split, count in (("train", 41), ("val", 2)):
        for name in ("ant", "bee", "cow"):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (31, 37, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / split / name / f"{number}.png")
    return tmp_path / "images"


def run_of(folder, tmp_path, variant, image_size=None):
    config = load_recipe(f"image_folder:{variant}")
    config.data.data_dir = str(folder)
    if image_size:
        config.data.image_size = image_size
    return Run(config, tmp_path / "run")


@pytest.mark.parametrize(("variant", "size"), [("small", 32), ("large", 224)])
def test_variants_give_batches_of_their_size(folder, tmp_path, variant, size):
    run = run_of(folder, tmp_path, variant)
    stream = training_stream(run)
    assert stream.steps_per_epoch == (123 - 12) // 64
    (batch,) = stream.batches(0, 0).take(1)
    assert batch["image"].shape == (64, size, size, 3)


@pytest.mark.parametrize("size", [8, 20, 48])
def test_any_image_size_has_a_student(folder, tmp_path, size):
    run = run_of(folder, tmp_path, "small", size)
    space, dataset = SEARCH_SPACES["S3"], run.dataset
    assert (dataset.num_classes, dataset.input_shape) == (3, (size, size, 3))
    architecture = describe(run.problem, space.narrowest, [], 0)
    logits = build_student(architecture)(dataset.test.as_float())
    assert logits.shape == (6, 3)


def test_variants():
    small, large = load_recipe("image_folder"), load_recipe("image_folder:large")
    assert (small.search.space, small.data.crop_padding, small.data.resized_crop) == (
        "S3",
        4,
        False,
    )
    assert (large.search.space, large.data.crop_padding, large.data.resized_crop) == ("IS", 0, True)
    assert small.data.flip
    assert large.data.flip
    with pytest.raises(RecipeError, match="give one of small, large"):
        load_recipe("image_folder:medium")
