import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.attacks.square import Square, _peaks
from rnascl_tf.robustness.logits_function import BlackBoxFunction, logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

# What section 4.1 of the paper prints, as (last query of 10,000, divisor of p).
SCHEDULE = [
    *((10, 1), (50, 2), (200, 4), (500, 8), (1000, 16)),
    *((2000, 32), (4000, 64), (6000, 128), (8000, 256), (10000, 512)),
]


def attacked(model, images, labels, threat_model, steps=200, seed=0, indices=None):
    indices = range(len(images)) if indices is None else indices
    return Square("square", steps).perturb(
        logits_function(model), images, labels, threat_model, Randomness(seed, indices), 0
    )


def curved_logits(images):
    """Three classes; each row is summed by itself, so that a batch cannot change its last bit."""
    weights = np.random.default_rng(7).normal(size=(3, *images.shape[1:]))
    sums = np.stack([((images - 0.5) * weight).sum(axis=(1, 2, 3)) for weight in weights], axis=1)
    return np.tanh(sums / 2.0) + 0.1 * sums


class Recorder:
    """Answers with a margin of 1 for class 0, whatever it is asked, and keeps the questions."""

    def __init__(self):
        self.questions = []

    def __call__(self, images):
        self.questions.append(images.copy())
        return np.tile(np.float32([1.0, 0.0]), (len(images), 1))


def recorded(norm, epsilon, steps, shape):
    recorder = Recorder()
    images = np.full(shape, 0.5, np.float32)
    labels = np.zeros(len(images), np.int64)
    attacked(BlackBoxFunction(recorder), images, labels, ThreatModel(epsilon, norm=norm), steps)
    return images, recorder.questions


@pytest.mark.parametrize("epsilon", [0.01, 0.02, 0.05])
def test_breaks_exactly_what_can_be_broken_on_a_linear_model(epsilon, linear_model, examples):
    images, labels = examples
    adversarial = attacked(linear_model, images, labels, ThreatModel(epsilon), 700)
    standing = linear_model.exact_logits(adversarial).argmax(axis=1) == labels
    np.testing.assert_array_equal(standing, linear_model.withstands(images, labels, epsilon))
    # Those that stand end near the corner where nothing is better; single pixels may be missed.
    best = linear_model.best_attack(images, labels, epsilon)[standing]
    assert np.isclose(adversarial[standing], best, rtol=0, atol=1e-6).mean() > 0.9


def test_l2_comes_near_the_best_change_of_a_linear_model(linear_model, examples):
    images, _ = examples
    # Away from the pixel bounds the best change is epsilon along the difference of the weights.
    images = 0.45 + images / 10
    epsilon = 0.05
    gap = linear_model.weights.astype(np.float64) @ [1.0, -1.0]
    best = epsilon * np.linalg.norm(gap)
    logits = linear_model.exact_logits(images)
    labels = logits.argmax(axis=1)
    adversarial = attacked(linear_model, images, labels, ThreatModel(epsilon, norm="l2"), 700)
    before = abs(logits @ [1.0, -1.0])
    fell = before - np.where(labels == 0, 1, -1) * (
        linear_model.exact_logits(adversarial) @ [1.0, -1.0]
    )
    assert (fell <= best * (1 + 1e-6)).all()
    assert (before > best).all()
    # No image can break, so all use all queries. A random direction falls by a tenth of the best;
    # windows of 3 by 3 cannot follow weights whose sign changes from pixel to pixel all the way.
    assert fell.min() > 0.5 * best


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("epsilon", [1 / 255, 0.05, 0.1, 1.0])
def test_epsilon_and_bounds_hold_after_rounding(norm, epsilon, linear_model, examples):
    images, labels = examples
    images = images.copy()
    images[:5] = np.round(images[:5])
    threat_model = ThreatModel(epsilon, norm=norm)
    adversarial = attacked(linear_model, images, labels, threat_model, 30)
    assert adversarial.dtype == np.float32
    assert threat_model.distances(adversarial, images).max() <= epsilon
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_narrower_bounds_hold(norm, linear_model, examples):
    images, labels = examples
    images = 0.25 + images / 2
    threat_model = ThreatModel(0.9, norm=norm, bounds=(0.25, 0.75))
    adversarial = attacked(linear_model, images, labels, threat_model, 30)
    assert adversarial.min() >= 0.25
    assert adversarial.max() <= 0.75
    assert adversarial.max() > 0.74


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    strategies.tuples(*(strategies.integers(1, 11) for _ in range(2)), strategies.integers(1, 3)),
    strategies.sampled_from(["linf", "l2"]),
    strategies.floats(1e-6, 1.0),
)
def test_any_image_size_stays_in_the_ball(shape, norm, epsilon):
    images = np.random.default_rng(5).random((2, *shape), np.float32)
    images[1] = np.round(images[1])
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    threat_model = ThreatModel(epsilon, norm=norm)
    adversarial = attacked(box, images, labels, threat_model, 13)
    assert np.isfinite(adversarial).all()
    assert threat_model.distances(adversarial, images).max() <= epsilon
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_success_rises_with_epsilon_and_with_queries(norm, examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    scale = 1.0 if norm == "linf" else 7.0

    def broken(epsilon, steps):
        threat_model = ThreatModel(scale * epsilon, norm=norm)
        adversarial = attacked(box, images, labels, threat_model, steps)
        return (box.compiled(adversarial).argmax(axis=1) != labels).sum()

    by_epsilon = [broken(epsilon, 150) for epsilon in (0.002, 0.01, 0.03, 0.1)]
    by_steps = [broken(0.02, steps) for steps in (1, 20, 400)]
    for counts in (by_epsilon, by_steps):
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_same_seed_same_images(norm, examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    threat_model = ThreatModel(0.02, norm=norm)
    first, again, other = (
        attacked(box, images, labels, threat_model, 40, seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_companions_change_nothing(norm, examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    threat_model = ThreatModel(0.03 if norm == "linf" else 0.2, norm=norm)
    together = attacked(box, images, labels, threat_model, 60)
    chosen = [19, 2, 11, 2, 2]
    apart = attacked(box, images[chosen], labels[chosen], threat_model, 60, indices=chosen)
    np.testing.assert_array_equal(apart, together[chosen])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_broken_images_are_returned_as_the_model_saw_them(norm, examples):
    images, _ = examples
    seen = []

    def answers(batch):
        seen.append(batch.copy())
        return curved_logits(batch)

    box = BlackBoxFunction(answers)
    labels = curved_logits(images).argmax(axis=1)
    threat_model = ThreatModel(0.02 if norm == "linf" else 0.15, norm=norm)
    adversarial = attacked(box, images, labels, threat_model, 300)
    broken = 0
    for image in range(len(images)):
        verdicts = [curved_logits(batch[image : image + 1])[0].argmax() for batch in seen]
        at = [query for query, verdict in enumerate(verdicts) if verdict != labels[image]]
        if at:
            # The first answer that is wrong ends the search for this image.
            np.testing.assert_array_equal(adversarial[image], seen[at[0]][image])
            broken += 1
    assert 3 < broken < 23


def test_stops_when_all_images_are_broken(examples):
    images, _ = examples
    seen = []

    def answers(batch):
        seen.append(len(batch))
        return np.tile(np.float32([0.0, 1.0]), (len(batch), 1))

    attacked(BlackBoxFunction(answers), images, np.zeros(23, int), ThreatModel(0.1), 50)
    assert seen == [23]


def test_every_question_is_a_full_batch_and_nothing_is_traced_again(
    uncalled_linear_model, examples
):
    images, labels = examples
    for epsilon in (0.01, 0.02, 0.2):
        attacked(uncalled_linear_model, images, labels, ThreatModel(epsilon), 11)
        attacked(uncalled_linear_model, images, labels, ThreatModel(epsilon, norm="l2"), 11)
    assert uncalled_linear_model.calls == 1


def test_number_of_questions():
    _, questions = recorded("linf", 0.1, 37, (2, 5, 7, 3))
    assert len(questions) == 38


def test_windows_shrink_as_the_paper_prints_it():
    # Nothing is accepted here, so each question shows one window on the first, striped image.
    steps = 100
    images, (stripes, *questions) = recorded("linf", 0.1, steps, (5, 16, 16, 3))
    np.testing.assert_allclose(abs(stripes - images), 0.1, rtol=0, atol=1e-7)
    assert (stripes == stripes[:, :1]).all()
    exact = 0
    for query, question in enumerate(questions):
        share = next(0.8 / by for last, by in SCHEDULE if query * 10000 // steps <= last)
        side = max(round((share * 256) ** 0.5), 1)
        changed = (question != stripes).any(axis=3)
        extents = [
            max(np.ptp(places) + 1 for places in np.nonzero(image))
            for image in changed
            if image.any()
        ]
        assert max(extents, default=0) <= side
        exact += max(extents, default=0) == side
    # A window shows in full unless its outer lines fall on stripes of its own signs.
    assert exact > 0.9 * steps


def test_a_window_is_at_one_edge_of_the_ball_in_each_channel():
    _, (stripes, *questions) = recorded("linf", 0.1, 30, (3, 11, 13, 2))
    for question in questions:
        for image, before in zip(question, stripes, strict=True):
            for channel in range(2):
                changed = image[..., channel][image[..., channel] != before[..., channel]]
                assert len(np.unique(changed)) <= 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_windows_reach_every_pixel(norm):
    _, (first, *questions) = recorded(norm, 0.1, 600, (3, 6, 5, 1))
    reached = sum((question != first).any(axis=(0, 3)).astype(int) for question in questions)
    assert (reached > 0).all()


def test_l2_uses_the_whole_radius_and_two_windows():
    steps = 60
    images, (first, *questions) = recorded("l2", 0.2, steps, (3, 17, 17, 3))
    distances = [ThreatModel(0.2, norm="l2").distances(each, images) for each in questions]
    # The room left for rounding is 3.5e-6 here.
    np.testing.assert_allclose(distances, 0.2, rtol=0, atol=5e-6)
    for query, question in enumerate(questions):
        share = next(0.8 / by for last, by in SCHEDULE if query * 10000 // steps <= last)
        side = max(round((share * 289) ** 0.5), 3)
        side += side % 2 == 0
        # Scaling to the radius again moves other pixels by rounding only.
        changed = (abs(question - first) > 1e-6).any(axis=3)
        assert changed.sum(axis=(1, 2)).max() <= 2 * side**2
        assert changed.sum(axis=(1, 2)).max() > side**2 // 2


@pytest.mark.parametrize("side", [2, 3, 5, 8, 13])
def test_peaks_are_the_papers_formula(side):
    def half(height, width):
        # Equation 3, with its indices from 1.
        values = np.zeros((height, width))
        middle = max(height // 2, width // 2)
        for row in range(1, height + 1):
            for column in range(1, width + 1):
                away = max(abs(row - height // 2 - 1), abs(column - width // 2 - 1))
                values[row - 1, column - 1] = sum(
                    1.0 / (middle + 1 - k) ** 2 for k in range(middle - away + 1)
                )
        return values / np.linalg.norm(values)

    wanted = np.concatenate([half(side // 2, side), -half(side - side // 2, side)])
    np.testing.assert_allclose(_peaks(side), wanted / np.linalg.norm(wanted), rtol=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_normalised_space_is_pixel_space_in_other_units(norm, examples):
    images, _ = examples
    images = 0.3 + images / 3
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    scaled = ThreatModel(0.2, norm=norm, space="normalized", std=(0.25, 0.25, 0.25))
    ours = attacked(box, images, labels, scaled, 40)
    pixels = attacked(box, images, labels, ThreatModel(0.05, norm=norm), 40)
    # A quarter is exact; roundings inwards differ by a unit in the last place of 4, scaled back.
    np.testing.assert_allclose(ours, pixels, rtol=0, atol=1e-6)
    assert scaled.distances(ours, images).max() <= 0.2 * (1 + 1e-5)


def test_quantised_answers_are_judged_as_the_evaluation_does(examples):
    # Answers in steps of 1/4 tie often; the attack must not stop at a tie that argmax wins.
    images, _ = examples
    box = BlackBoxFunction(lambda batch: np.round(4.0 * curved_logits(batch)) / 4.0)
    labels = box.compiled(images).argmax(axis=1)
    attacker = Attacker(box, images, labels, ThreatModel(0.03), batch_size=10)
    square = Square("square", 100)
    withstood = attacker.withstood(square)
    whole = attacked(box, images, labels, ThreatModel(0.03), 100)
    np.testing.assert_array_equal(withstood, box.compiled(whole).argmax(axis=1) == labels)
    assert 0 < withstood.sum() < 23


def test_images_whose_logits_are_not_a_number_are_not_taken_for_broken(examples):
    images, labels = examples
    box = BlackBoxFunction(lambda batch: np.full((len(batch), 2), np.nan))
    adversarial = attacked(box, images, labels, ThreatModel(0.03), 5)
    assert np.isfinite(adversarial).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "0 steps; use at least one"),
        ({"steps": 5, "first_share": 0.0}, "use a share above 0 and at most 1"),
        ({"steps": 5, "first_share": 1.1}, "use a share above 0 and at most 1"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(RobustnessError, match=message):
        Square("square", **settings)


def test_needs_no_gradient_and_serves_tensorflow_models(examples):
    images, _ = examples
    weights = np.random.default_rng(7).normal(size=(105, 3)).astype(np.float32)

    def model(batch):
        return tf.stop_gradient(tf.tanh(tf.reshape(batch - 0.5, (-1, 105)) @ weights))

    labels = model(images).numpy().argmax(axis=1)
    adversarial = attacked(model, images, labels, ThreatModel(0.1), 50)
    assert (model(adversarial).numpy().argmax(axis=1) != labels).mean() > 0.3
