import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.attacks.spsa import Spsa
from rnascl_tf.robustness.logits_function import BlackBoxFunction, logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel


def attacked(model, images, labels, threat_model, attack=None, seed=0, indices=None):
    indices = range(len(images)) if indices is None else indices
    attack = attack or Spsa("spsa", 10, samples=32)
    return attack.perturb(
        logits_function(model), images, labels, threat_model, Randomness(seed, indices), 0
    )


def curved_logits(images):
    """Three classes; each row is summed by itself, so that a batch cannot change its last bit."""
    weights = np.random.default_rng(7).normal(size=(3, *images.shape[1:]))
    sums = np.stack([((images - 0.5) * weight).sum(axis=(1, 2, 3)) for weight in weights], axis=1)
    return np.tanh(sums / 2.0) + 0.1 * sums


class Recorder:
    """A black box that keeps what it is asked."""

    def __init__(self, answers=curved_logits):
        self.questions = []
        self._answers = answers

    def __call__(self, images):
        self.questions.append(images.copy())
        return self._answers(images)


@pytest.mark.parametrize("epsilon", [0.01, 0.05])
def test_breaks_exactly_what_can_be_broken_on_a_linear_model(epsilon, linear_model, examples):
    images, labels = examples
    box = BlackBoxFunction(linear_model.exact_logits)
    adversarial = attacked(box, images, labels, ThreatModel(epsilon), Spsa("spsa", 20))
    standing = box.compiled(adversarial).argmax(axis=1) == labels
    np.testing.assert_array_equal(standing, linear_model.withstands(images, labels, epsilon))
    # Noise in the estimates, as large as a weight at 128 samples of 105, costs small weights.
    lead = np.where(labels == 0, 1.0, -1.0)[:, None] * [1.0, -1.0]
    best = linear_model.best_attack(images, labels, epsilon)
    before, after, least = (
        (linear_model.exact_logits(each) * lead).sum(axis=1)[standing]
        for each in (images, adversarial, best)
    )
    assert ((before - after) > 0.85 * (before - least)).all()


def test_first_step_follows_the_sign_of_the_estimate_by_hand(examples):
    # Adam's first step has the length of the learning rate in every pixel.
    images = 0.3 + examples[0] / 3
    recorder = Recorder()
    labels = curved_logits(images).argmax(axis=1)
    attack = Spsa("spsa", 1, samples=6, delta=0.02, learning_rate=0.005)
    attacked(BlackBoxFunction(recorder), images, labels, ThreatModel(0.1), attack)
    first, *samples, last = recorder.questions
    np.testing.assert_array_equal(first, images)
    assert len(samples) == 6
    gradient = np.zeros(images.shape)
    for sample in samples:
        logits = curved_logits(sample)
        true = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        np.put_along_axis(logits, labels[:, None], -np.inf, axis=1)
        directions = np.round((sample.astype(np.float64) - images) / 0.02)
        assert set(np.unique(directions)) == {-1.0, 1.0}
        gradient += (logits.max(axis=1) - true)[:, None, None, None] * directions
    certain = abs(gradient) > 1e-3
    assert certain.mean() > 0.95
    moved = last.astype(np.float64) - images
    np.testing.assert_allclose(
        moved[certain], 0.005 * np.sign(gradient)[certain], rtol=0, atol=1e-6
    )


def test_samples_come_in_opposite_pairs_and_full_batches_inside_the_bounds(examples):
    images, _ = examples
    recorder = Recorder()
    labels = curved_logits(images).argmax(axis=1)
    attack = Spsa("spsa", 3, samples=8, delta=0.04)
    threat_model = ThreatModel(0.001)
    attacked(BlackBoxFunction(recorder), images, labels, threat_model, attack)
    questions = np.stack(recorder.questions)
    assert questions.shape == (1 + 3 * 9, *images.shape)
    assert questions.min() == 0.0
    assert questions.max() == 1.0
    inner = (images > 0.05) & (images < 0.95)
    ahead, behind = questions[1] - images, questions[2] - images
    np.testing.assert_allclose(ahead[inner], -behind[inner], rtol=0, atol=2e-7)


def test_signs_differ_between_images_pairs_and_steps(examples):
    images = np.repeat(examples[0][:1], 3, axis=0)
    recorder = Recorder()
    labels = curved_logits(images).argmax(axis=1)
    attack = Spsa("spsa", 2, samples=4)
    attacked(BlackBoxFunction(recorder), images, labels, ThreatModel(1e-6), attack)
    _, first, _, second, _, _, third, *_ = recorder.questions
    drawn = np.concatenate([question > images for question in (first, second, third)])
    agreement = (drawn[:, None] == drawn).mean(axis=(2, 3, 4))[~np.eye(9, dtype=bool)]
    # 105 fair coins: 0.5 with deviation 0.05.
    assert 0.25 < agreement.min() <= agreement.max() < 0.75


@pytest.mark.parametrize("epsilon", [1 / 255, 0.05, 0.1, 1.0])
def test_epsilon_and_bounds_hold_after_rounding(epsilon, linear_model, examples):
    images, labels = examples
    images = images.copy()
    images[:5] = np.round(images[:5])
    threat_model = ThreatModel(epsilon)
    attack = Spsa("spsa", 5, samples=8, learning_rate=0.3)
    adversarial = attacked(linear_model, images, labels, threat_model, attack)
    assert adversarial.dtype == np.float32
    assert threat_model.distances(adversarial, images).max() <= epsilon
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


def test_narrower_bounds_hold_for_questions_and_results(examples):
    images = 0.25 + examples[0] / 2
    recorder = Recorder()
    labels = curved_logits(images).argmax(axis=1)
    threat_model = ThreatModel(0.9, bounds=(0.25, 0.75))
    attack = Spsa("spsa", 3, samples=4, learning_rate=0.5, delta=0.1)
    adversarial = attacked(BlackBoxFunction(recorder), images, labels, threat_model, attack)
    for asked in [adversarial, *recorder.questions]:
        assert asked.min() >= 0.25
        assert asked.max() <= 0.75


def test_success_rises_with_epsilon_steps_and_samples(examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)

    def broken(epsilon, steps, samples):
        attack = Spsa("spsa", steps, samples=samples)
        adversarial = attacked(box, images, labels, ThreatModel(epsilon), attack)
        return (box.compiled(adversarial).argmax(axis=1) != labels).sum()

    by_epsilon = [broken(epsilon, 5, 16) for epsilon in (0.002, 0.01, 0.03)]
    by_steps = [broken(0.03, steps, 4) for steps in (1, 4, 30)]
    by_samples = [broken(0.03, 3, samples) for samples in (2, 16, 128)]
    for counts in (by_epsilon, by_steps, by_samples):
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]


def test_same_seed_same_images(examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    attack = Spsa("spsa", 3, samples=4)
    first, again, other = (
        attacked(box, images, labels, ThreatModel(0.02), attack, seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_companions_change_nothing(examples):
    images, _ = examples
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    together = attacked(box, images, labels, ThreatModel(0.03))
    chosen = [19, 2, 11, 2, 2]
    apart = attacked(box, images[chosen], labels[chosen], ThreatModel(0.03), indices=chosen)
    np.testing.assert_array_equal(apart, together[chosen])


def test_stops_when_all_images_are_broken(examples):
    images, _ = examples
    recorder = Recorder(lambda batch: np.tile(np.float32([0.0, 1.0]), (len(batch), 1)))
    adversarial = attacked(BlackBoxFunction(recorder), images, np.zeros(23, int), ThreatModel(0.1))
    assert len(recorder.questions) == 1
    np.testing.assert_array_equal(adversarial, images)


def test_a_broken_image_is_left_as_it_broke(examples):
    images, _ = examples
    recorder = Recorder()
    labels = curved_logits(images).argmax(axis=1)
    attack = Spsa("spsa", 12, samples=4)
    adversarial = attacked(BlackBoxFunction(recorder), images, labels, ThreatModel(0.03), attack)
    points = np.stack(recorder.questions[::5])
    verdicts = np.stack([curved_logits(each).argmax(axis=1) for each in points]) != labels
    broken = np.flatnonzero(verdicts.any(axis=0))
    assert len(broken) > 3
    at = verdicts[:, broken].argmax(axis=0)
    np.testing.assert_array_equal(adversarial[broken], points[at, broken])


def test_nothing_is_traced_again(uncalled_linear_model, examples):
    images, labels = examples
    for epsilon in (0.01, 0.02, 0.2):
        attacked(
            uncalled_linear_model, images, labels, ThreatModel(epsilon), Spsa("spsa", 2, samples=4)
        )
    assert uncalled_linear_model.calls == 1


def test_normalised_space_is_pixel_space_in_other_units(examples):
    images = 0.3 + examples[0] / 3
    box = BlackBoxFunction(curved_logits)
    labels = box.compiled(images).argmax(axis=1)
    scaled = ThreatModel(0.2, space="normalized", std=(0.25, 0.25, 0.25))
    attack = Spsa("spsa", 3, samples=4, delta=0.04, learning_rate=0.04)
    ours = attacked(box, images, labels, scaled, attack)
    attack = Spsa("spsa", 3, samples=4, delta=0.01, learning_rate=0.01)
    pixels = attacked(box, images, labels, ThreatModel(0.05), attack)
    # Roundings of the questions, over delta, can turn a small estimate around.
    assert np.isclose(ours, pixels, rtol=0, atol=1e-5).mean() > 0.99
    assert scaled.distances(ours, images).max() <= 0.2 * (1 + 1e-5)


def test_finds_what_gradients_cannot(examples):
    images, _ = examples
    weights = np.random.default_rng(7).normal(size=(105, 3)).astype(np.float32)

    def model(batch):
        return tf.stop_gradient(tf.tanh(tf.reshape(batch - 0.5, (-1, 105)) @ weights))

    labels = model(images).numpy().argmax(axis=1)
    attacker = Attacker(model, images, labels, ThreatModel(0.1), batch_size=9)
    assert attacker.withstood(Spsa("spsa", 10, samples=32)).mean() < 0.7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "0 steps; use at least one"),
        ({"steps": 5, "samples": 7}, "use an even number of at least 2"),
        ({"steps": 5, "samples": 0}, "use an even number of at least 2"),
        ({"steps": 5, "delta": 0.0}, "both must be above 0"),
        ({"steps": 5, "learning_rate": -0.1}, "both must be above 0"),
        ({"steps": 5, "delta": float("nan")}, "both must be above 0"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(RobustnessError, match=message):
        Spsa("spsa", **settings)


def test_l2_is_refused(linear_model, examples):
    attacker = Attacker(linear_model, *examples, ThreatModel(0.1, norm="l2"))
    with pytest.raises(RobustnessError, match="spsa works in linf"):
        attacker.withstood(Spsa("spsa", 5))
