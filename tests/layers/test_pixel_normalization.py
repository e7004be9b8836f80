import keras
import numpy as np
import pytest

from rnascl_tf.layers.pixel_normalization import PixelNormalization

MEAN = (0.1, 0.4, 0.7)
STD = (0.2, 0.3, 0.5)


def test_each_channel_is_shifted_and_scaled():
    images = np.random.default_rng(1).random((2, 5, 7, 3), dtype=np.float32)
    computed = PixelNormalization(MEAN, STD)(images)
    wanted = (images.astype(np.float64) - MEAN) / STD
    np.testing.assert_allclose(computed, wanted, atol=1e-6)


def test_it_has_no_weights_and_keeps_the_shape():
    layer = PixelNormalization(np.float64(MEAN), np.float64(STD))
    assert layer(keras.KerasTensor((None, 5, 7, 3))).shape == (None, 5, 7, 3)
    assert layer.weights == []


@pytest.mark.parametrize(
    ("mean", "std", "reason"),
    [
        ((0.5, 0.5), (0.5,), "one number per channel"),
        ((), (), "one number per channel"),
        (MEAN, (0.2, 0.0, 0.5), "must be positive"),
        (MEAN, (0.2, -1.0, 0.5), "must be positive"),
        ((0.1, float("nan"), 0.7), STD, "must be finite"),
    ],
)
def test_impossible_numbers_are_refused(mean, std, reason):
    with pytest.raises(ValueError, match=reason):
        PixelNormalization(mean, std)


def test_images_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="3 numbers but the images have 1 channels"):
        PixelNormalization(MEAN, STD)(np.zeros((2, 5, 7, 1), np.float32))
