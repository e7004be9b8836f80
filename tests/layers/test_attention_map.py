"""AttentionMaps: the layer around the one attention function (whose arithmetic teachers/ tests)."""

import numpy as np
import pytest

from rnascl_tf.layers import AttentionMaps


def taps():
    generator = np.random.default_rng(0)
    shapes = [(2, 7, 5, 3), (2, 3, 3, 11)]
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def test_one_unit_map_per_tap_and_sample():
    maps = AttentionMaps(size=5)(taps()).numpy()
    assert maps.shape == (2, 2, 25)
    np.testing.assert_allclose(np.linalg.norm(maps, axis=-1), 1.0, rtol=1e-5)


def test_config_round_trip():
    assert AttentionMaps.from_config(AttentionMaps(size=6).get_config()).size == 6


def test_refuses_no_size():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        AttentionMaps(size=0)
