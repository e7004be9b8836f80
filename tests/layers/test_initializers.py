"""He's normal initializer counts the fan-out as PyTorch does; the last layer starts near zero."""

import numpy as np
import pytest

from rnascl_tf.layers.initializers import dense_normal, he_normal_fan_out

DRAWS = 20_011
# Of n normal draws the standard deviation is off by 1 / sqrt(2 n); four times that.
TOLERANCE = 4 / np.sqrt(2 * DRAWS)


@pytest.mark.parametrize(("kernel_size", "filters"), [(1, 59), (3, 366), (7, 5)])
def test_he_normal_has_the_variance_of_the_fan_out(kernel_size, filters):
    draws = he_normal_fan_out(kernel_size, filters, seed=1)((DRAWS,)).numpy()
    wanted = np.sqrt(2 / (kernel_size**2 * filters))
    assert draws.std() == pytest.approx(wanted, rel=TOLERANCE)
    assert abs(draws.mean()) < 4 * wanted / np.sqrt(DRAWS)


def test_dense_normal_is_a_hundredth():
    assert dense_normal(seed=1)((DRAWS,)).numpy().std() == pytest.approx(0.01, rel=TOLERANCE)


@pytest.mark.parametrize("initializer", [lambda seed: he_normal_fan_out(3, 5, seed), dense_normal])
def test_a_seed_decides_the_draw(initializer):
    first, same, other = (initializer(seed)((7,)).numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
