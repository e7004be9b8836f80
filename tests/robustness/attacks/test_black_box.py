import numpy as np
import pytest

from rnascl_tf.robustness.attacks.black_box import BlackBox
from rnascl_tf.robustness.logits_function import BlackBoxFunction
from rnascl_tf.robustness.threat_model import ThreatModel

IMAGES = np.random.default_rng(2).random((3, 5, 7, 2), np.float32)
LABELS = np.array([0, 1, 2])


def answering(logits):
    return BlackBoxFunction(lambda images: np.asarray(logits, np.float32))


def test_margins_lead_over_the_best_other_class():
    box = BlackBox(
        answering([[3, 1, 2], [3, 1, 2], [-5, -1, -4]]), IMAGES, LABELS, ThreatModel(0.1)
    )
    np.testing.assert_array_equal(box.margins(IMAGES), [1.0, -2.0, -3.0])


def test_a_tie_counts_as_argmax_decides():
    # The answers of a quantised model often tie; argmax takes the first class.
    box = BlackBox(answering([[2, 2, 0], [2, 2, 0], [0, 0, 0]]), IMAGES, LABELS, ThreatModel(0.1))
    margins = box.margins(IMAGES)
    np.testing.assert_array_equal(margins > 0.0, [True, False, False])
    np.testing.assert_allclose(margins, 0.0, atol=1e-30)


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 8 / 255])
def test_epsilon_is_not_rounded_to_float32(epsilon):
    box = BlackBox(answering(np.zeros((3, 3))), IMAGES, LABELS, ThreatModel(epsilon))
    exact = IMAGES.astype(np.float64)
    assert np.max(box.high - exact) <= epsilon
    assert np.max(exact - box.low) <= epsilon


def test_normalised_space_is_scaled_and_the_model_sees_pixels():
    std = (0.25, 0.3)
    threat_model = ThreatModel(0.4, bounds=(0.0, 1.0), space="normalized", std=std)
    seen = []

    def answers(images):
        seen.append(images)
        return np.zeros((3, 3), np.float32)

    box = BlackBox(BlackBoxFunction(answers), IMAGES, LABELS, threat_model)
    np.testing.assert_allclose(box.center * np.float32(std), IMAGES, atol=1e-7)
    box.margins(box.high)
    best = np.clip(IMAGES + 0.4 * np.array(std), 0.0, 1.0)
    # Two roundings of values below 4, at 2e-7 each, scaled back.
    np.testing.assert_allclose(seen[0], best, rtol=0, atol=2e-7)
    assert seen[0].max() <= 1.0
    result = box.result(box.center + 100.0)
    np.testing.assert_allclose(result, best, rtol=0, atol=2e-7)
    assert result.dtype == np.float32


def test_pixel_space_changes_no_bit():
    box = BlackBox(answering(np.zeros((3, 3))), IMAGES, LABELS, ThreatModel(0.1))
    np.testing.assert_array_equal(box.pixels(IMAGES), IMAGES)
    np.testing.assert_array_equal(box.center, IMAGES)
