import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.robustness.projection import feasible_box
from rnascl_tf.robustness.threat_model import ThreatModel

# Above 1e-6, because TensorFlow flushes subnormal numbers (below 1e-38) to zero.
PIXEL = st.just(0.0) | st.floats(2.0**-20, 1.0, width=32)
PIXELS = st.lists(PIXEL, min_size=1, max_size=13)


@settings(deadline=None)  # shared cores: a slow moment is no failure
@given(PIXELS, st.floats(0.0, 1.0))
def test_box_never_overshoots_and_holds_the_image(pixels, epsilon):
    images = np.array(pixels, np.float32)
    low, high = (corner.numpy() for corner in feasible_box(images, ThreatModel(epsilon)))
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
    low, high = (corner.numpy() for corner in feasible_box(images, ThreatModel(8 / 255)))
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
    threat_model = ThreatModel(0.5, bounds=(0.25, 0.75))
    low, high = feasible_box(np.array([0.3, 0.7], np.float32), threat_model)
    np.testing.assert_array_equal(low, [0.25, 0.25])
    np.testing.assert_array_equal(high, [0.75, 0.75])
