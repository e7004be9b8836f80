import numpy as np
import pytest

from rnascl_tf.robustness.attacks.randomness import Randomness

SHAPE = (5, 7, 3)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_directions_belong_to_the_image(norm):
    everything = Randomness(0, range(11)).directions("pgd20", SHAPE, norm)
    few = Randomness(0, [7, 2]).directions("pgd20", SHAPE, norm)
    np.testing.assert_array_equal(few, everything[[7, 2]])
    assert not np.isclose(everything[0], everything[1]).any()
    for other in (
        Randomness(0, range(11)).directions("cw", SHAPE, norm),
        Randomness(0, range(11)).directions("pgd20", SHAPE, norm, 1),
        Randomness(1, range(11)).directions("pgd20", SHAPE, norm),
    ):
        # Chance lets one number in a thousand come close.
        assert np.isclose(other, everything, rtol=0, atol=1e-5).mean() < 0.01


def test_directions_fill_the_box_uniformly():
    directions = Randomness(0, range(97)).directions("pgd20", (16, 16, 3), "linf")
    assert directions.dtype == np.float32
    assert directions.min() >= -1.0
    assert directions.max() <= 1.0
    # 74,496 draws: the standard errors of the mean and of the variance are 0.0021 and 0.0011.
    assert directions.mean() == pytest.approx(0.0, abs=0.01)
    assert directions.var() == pytest.approx(1 / 3, abs=0.006)


def test_directions_fill_the_l2_ball_uniformly():
    directions = Randomness(0, range(1009)).directions("pgd20", (1, 3, 1), "l2")
    assert directions.dtype == np.float32
    radius = np.linalg.norm(directions.reshape(1009, 3), axis=1)
    assert radius.max() <= 1.0 + 1e-6
    # The cube of a uniform point's radius is uniform in three dimensions; standard error 0.009.
    assert (radius**3).mean() == pytest.approx(0.5, abs=0.04)
    assert abs(directions.mean(axis=0)).max() < 0.07


def test_streams_do_not_depend_on_the_global_state():
    np.random.seed(1)
    first = Randomness(0, [3]).generators("square", 2)[0].random(5)
    np.random.seed(2)
    np.testing.assert_array_equal(first, Randomness(0, [3]).generators("square", 2)[0].random(5))
