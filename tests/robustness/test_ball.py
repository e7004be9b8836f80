import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.threat_model import ThreatModel

# Above 1e-6, because TensorFlow flushes subnormal numbers (below 1e-38) to zero.
PIXEL = st.just(0.0) | st.floats(2.0**-20, 1.0, width=32)
PIXELS = st.lists(PIXEL, min_size=1, max_size=13)


def box(images, epsilon, bounds=(0.0, 1.0)):
    """The corners of the L-inf ball around images of one pixel each."""
    ball = Ball(images[:, None, None, None], "linf", epsilon, bounds)
    return ball.low.numpy().ravel(), ball.high.numpy().ravel()


@given(PIXELS, st.floats(0.0, 1.0))
def test_box_never_overshoots_and_holds_the_image(pixels, epsilon):
    images = np.array(pixels, np.float32)
    low, high = box(images, epsilon)
    exact = images.astype(np.float64)
    assert (exact - low.astype(np.float64) <= epsilon).all()
    assert (high.astype(np.float64) - exact <= epsilon).all()
    # The same bound as float32 code would measure it.
    assert (abs(high - images) <= np.float32(epsilon)).all()
    assert (low <= images).all()
    assert (images <= high).all()
    assert low.min() >= 0.0
    assert high.max() <= 1.0


def test_box_is_tight_to_one_unit_in_the_last_place():
    images = np.random.default_rng(0).random(1009, np.float32)
    low, high = box(images, 8 / 255)
    exact_low = np.maximum(images.astype(np.float64) - 8 / 255, 0.0)
    exact_high = np.minimum(images.astype(np.float64) + 8 / 255, 1.0)
    # 6e-8 is the spacing of float32 just below 1.
    np.testing.assert_allclose(low, exact_low, rtol=0, atol=6e-8)
    np.testing.assert_allclose(high, exact_high, rtol=0, atol=6e-8)


def test_plain_float32_addition_would_overshoot():
    # The reason for the careful rounding: this is the trap, still there.
    images = np.random.default_rng(0).random(1009, np.float32)
    overshoot = (images + np.float32(8 / 255)).astype(np.float64) - images - 8 / 255
    assert overshoot.max() > 1e-8


def test_box_respects_narrower_bounds():
    low, high = box(np.array([0.3, 0.7], np.float32), 0.5, (0.25, 0.75))
    np.testing.assert_array_equal(low, [0.25, 0.25])
    np.testing.assert_array_equal(high, [0.75, 0.75])


@given(st.integers(0, 10**6), st.floats(0.0, 4.0), st.floats(0.0, 3.0))
def test_l2_projection_never_overshoots(seed, epsilon, reach):
    generator = np.random.default_rng(seed)
    images = generator.random((3, 5, 7, 2)).astype(np.float32)
    far = images + reach * generator.normal(size=images.shape).astype(np.float32)
    projected = Ball(images, "l2", epsilon, (0.0, 1.0)).project(far).numpy()
    assert (ThreatModel(epsilon, norm="l2").distances(projected, images) <= epsilon).all()
    assert projected.min() >= 0.0
    assert projected.max() <= 1.0


def test_a_float_epsilon_is_not_rounded_up_to_float32():
    assert float(np.float32(0.05)) > 0.05
    images = np.zeros((1, 3, 5, 1), np.float32)
    for ball in (Ball(images, "linf", 0.05, (0, 1)), Ball(images, "l2", 0.05, (0, 1))):
        high = ball.project(np.ones_like(images)).numpy().astype(np.float64)
        assert ThreatModel(0.05, norm=ball.norm).distances(high, images).max() <= 0.05
    assert float(box(images.ravel(), 0.05)[1].max()) <= 0.05


def test_l2_projection_reaches_the_surface_and_leaves_the_inside_alone():
    generator = np.random.default_rng(0)
    images = (0.4 + generator.random((3, 5, 7, 2)) / 5).astype(np.float32)
    change = generator.normal(size=images.shape).astype(np.float32) / 100
    lengths = ThreatModel(1, norm="l2").distances(images + change, images)
    outer = Ball(images, "l2", 2.0, (0.0, 1.0)).project(images + change).numpy()
    np.testing.assert_array_equal(outer, images + change)
    epsilon = lengths.min() / 2
    inner = Ball(images, "l2", epsilon, (0.0, 1.0)).project(images + change).numpy()
    # Room for rounding: 70 pixels of 3e-8 each, in L2.
    np.testing.assert_allclose(
        ThreatModel(1, norm="l2").distances(inner, images), epsilon, rtol=0, atol=1e-6
    )
    expected = images + change * (epsilon / lengths)[:, None, None, None]
    np.testing.assert_allclose(inner, expected, rtol=0, atol=1e-6)


def test_steepest_directions():
    gradient = np.zeros((3, 5, 7, 2), np.float32)
    gradient[0, 1, 2, 0], gradient[0, 3, 4, 1] = 3e-25, -4e-25
    gradient[1] = 2.0
    for norm, expected in (("linf", (1, -1, 1)), ("l2", (0.6, -0.8, 70**-0.5))):
        step = Ball(np.full_like(gradient, 0.5), norm, 0.1, (0.0, 1.0)).steepest(gradient).numpy()
        np.testing.assert_allclose(
            [step[0, 1, 2, 0], step[0, 3, 4, 1], step[1, 4, 6, 1]], expected, rtol=1e-6
        )
        assert np.count_nonzero(step[0]) == 2
        assert not step[2].any()


def test_start_lies_in_the_ball():
    images = np.zeros((2, 5, 7, 2), np.float32)
    ball = Ball(images, "linf", 0.25, (0.0, 1.0))
    start = ball.start(np.stack([np.full((5, 7, 2), 1.0), np.full((5, 7, 2), -1.0)]))
    np.testing.assert_array_equal(start[0], np.full((5, 7, 2), np.float32(0.25)))
    np.testing.assert_array_equal(start[1], images[1])
    assert float(ball.pixel_low) == 0.0
    assert float(ball.pixel_high) == 1.0
