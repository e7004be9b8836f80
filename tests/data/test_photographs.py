import numpy as np
import pytest

from rnascl_tf.data.photographs import photograph_crops


@pytest.mark.parametrize(("height", "width"), [(32, 32), (7, 61), (53, 11)])
def test_crops_are_real_images_of_the_size_asked_for(height, width):
    crops = photograph_crops(5, height, width)
    assert crops.shape == (5, height, width, 3)
    assert crops.dtype == np.float32
    assert 0 <= crops.min() < 0.2
    assert 0.8 < crops.max() <= 1
    assert all(crop.std() > 0.02 for crop in crops)
    assert len({crop.tobytes() for crop in crops}) == 5


def test_the_same_seed_gives_the_same_crops():
    np.testing.assert_array_equal(photograph_crops(3, 11, 13), photograph_crops(3, 11, 13))
    assert not np.array_equal(photograph_crops(3, 11, 13), photograph_crops(3, 11, 13, seed=1))


def test_one_channel_is_the_mean_over_the_colours():
    gray, colour = photograph_crops(3, 11, 13, channels=1), photograph_crops(3, 11, 13)
    np.testing.assert_allclose(gray[..., 0], colour.mean(axis=-1), rtol=1e-6)
