import importlib.util
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.carlini_wagner_l2 import CarliniWagnerL2
from rnascl_tf.robustness.attacks.losses import margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

QUICK = CarliniWagnerL2("cwl2", 240, searches=4)


def attacked(model, images, labels, threat_model=None, attack=QUICK):
    threat_model = threat_model or ThreatModel(1.0, norm="l2")
    randomness = Randomness(0, range(len(images)))
    return attack.perturb(logits_function(model), images, labels, threat_model, randomness, 0)


def lengths(images, others):
    return ThreatModel(1.0, norm="l2").distances(images, others)


def distance_to_the_other_class(model, images):
    gap = model.weights.astype(np.float64) @ [1.0, -1.0]
    return abs(model.exact_logits(images) @ [1.0, -1.0]) / np.linalg.norm(gap)


@pytest.fixture
def curved_model():
    generator = np.random.default_rng(7)
    first = (generator.normal(size=(105, 17)) / 4).astype(np.float32)
    second = generator.normal(size=(17, 5)).astype(np.float32)

    def model(images):
        return tf.tanh(tf.reshape(images - 0.5, (-1, 105)) @ first) @ second

    return model


def test_smallest_change_of_a_linear_model(linear_model, examples):
    # Away from the pixel bounds it is the distance to the plane between the classes.
    images = 0.3 + examples[0] * 0.4
    labels = linear_model.exact_logits(images).argmax(axis=1)
    adversarial = attacked(linear_model, images, labels, attack=CarliniWagnerL2("cwl2", 1200))
    assert (linear_model.exact_logits(adversarial).argmax(axis=1) != labels).all()
    ratio = lengths(adversarial, images) / distance_to_the_other_class(linear_model, images)
    assert ratio.min() >= 1.0
    # Near the plane Adam's steps bounce; an image nearer than the first of them, 0.05 long here,
    # is overshot most.
    assert np.median(ratio) < 1.01
    assert (
        lengths(adversarial, images) - distance_to_the_other_class(linear_model, images)
    ).max() < 0.02


def reference(model, image, label, attack):
    """The attack on one image of a linear model, in float64; returns the smallest length found."""
    image = image.reshape(-1).astype(np.float64)
    gap = model.weights.astype(np.float64) @ ([-1.0, 1.0] if label == 0 else [1.0, -1.0])
    offset = (model.bias[1] - model.bias[0]) * (1 if label == 0 else -1)
    constant, lower, upper, best = attack.first_constant, 0.0, np.inf, np.inf
    for _ in range(attack.searches):
        point = np.arctanh((2.0 * image - 1.0) * 0.999999)
        first, second, found = 0.0, 0.0, False
        for count in range(1, attack.steps // attack.searches + 1):
            change = (np.tanh(point) + 1.0) / 2.0 - image
            lead = gap @ (image + change) + offset
            if lead > attack.confidence:
                found = True
                best = min(best, np.linalg.norm(change))
            slope = 2.0 * change - constant * gap * (lead < attack.confidence)
            gradient = slope * (1.0 - np.tanh(point) ** 2) / 2.0
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            step = first / (1.0 - 0.9**count) / (np.sqrt(second / (1.0 - 0.999**count)) + 1e-8)
            point = point - attack.learning_rate * step
        lower, upper = (lower, constant) if found else (constant, upper)
        constant = constant * 10.0 if np.isinf(upper) else (lower + upper) / 2.0
    return best


@pytest.mark.parametrize("confidence", [0.0, 0.2])
def test_equals_a_reference_in_float64(confidence, linear_model, examples):
    images = 0.3 + examples[0] * 0.4
    labels = linear_model.exact_logits(images).argmax(axis=1)
    attack = CarliniWagnerL2("cwl2", 210, searches=7, learning_rate=0.02, confidence=confidence)
    adversarial = attacked(linear_model, images, labels, attack=attack)
    wanted = [
        reference(linear_model, image, label, attack)
        for image, label in zip(images, labels, strict=True)
    ]
    # Adam divides gradients near zero, so float32 shows: 1e-5 typically; where the last digits
    # decide whether a step has broken an image, the next one is the best.
    ratio = lengths(adversarial, images) / wanted
    np.testing.assert_allclose(np.median(ratio), 1.0, rtol=1e-4)
    np.testing.assert_allclose(ratio, 1.0, rtol=0, atol=0.01)


@pytest.mark.parametrize("confidence", [0.0, 0.4])
def test_as_near_as_foolbox(confidence, curved_model, examples, monkeypatch):
    if importlib.util.find_spec("git") is None:
        # foolbox imports GitPython for its zoo of models, which is not used here.
        git = types.ModuleType("git")
        git.Repo = None
        monkeypatch.setitem(sys.modules, "git", git)
    foolbox = pytest.importorskip("foolbox", reason="foolbox is installed by hand")
    images = examples[0][:13]
    labels = curved_model(images).numpy().argmax(axis=1)
    attack = CarliniWagnerL2("cwl2", 168, searches=7, confidence=confidence)
    ours = attacked(curved_model, images, labels, attack=attack)
    theirs, *_ = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=7,
        steps=24,
        stepsize=0.01,
        initial_const=0.01,
        confidence=confidence,
        abort_early=False,
    )(
        foolbox.TensorFlowModel(curved_model, bounds=(0, 1), device="/cpu:0"),
        tf.constant(images),
        tf.constant(labels),
        epsilons=None,
    )
    # Where it finds nothing, foolbox returns zeros.
    found = (theirs.numpy() != 0.0).any(axis=(1, 2, 3))
    np.testing.assert_array_equal((ours != images).any(axis=(1, 2, 3)), found)
    assert found.mean() > 0.7
    # The same algorithm in other arithmetic: 1e-5 apart after 168 steps.
    ratio = lengths(ours, images)[found] / lengths(theirs, images)[found]
    np.testing.assert_allclose(ratio, 1.0, rtol=0, atol=1e-3)


def test_what_changed_is_broken_and_inside_the_bounds(curved_model, examples):
    images = examples[0].copy()
    images[:5] = np.where(abs(images[:5] - 0.5) > 0.3, np.round(images[:5]), images[:5])
    labels = curved_model(images).numpy().argmax(axis=1)
    adversarial = attacked(curved_model, images, labels)
    assert adversarial.dtype == np.float32
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0
    changed = (adversarial != images).any(axis=(1, 2, 3))
    broken = logits_function(curved_model).compiled(adversarial).argmax(axis=1) != labels
    np.testing.assert_array_equal(changed, broken)
    assert changed.mean() > 0.9


def test_narrower_bounds_hold(linear_model, examples):
    images = 0.25 + examples[0] / 2
    labels = linear_model.exact_logits(images).argmax(axis=1)
    threat_model = ThreatModel(5.0, norm="l2", bounds=(0.25, 0.75))
    adversarial = attacked(linear_model, images, labels, threat_model)
    assert adversarial.min() >= 0.25
    assert adversarial.max() <= 0.75
    assert (linear_model.exact_logits(adversarial).argmax(axis=1) != labels).any()


def test_clean_images_where_nothing_breaks(examples):
    images, _ = examples

    def model(batch):
        brightness = tf.reduce_sum(batch, axis=(1, 2, 3))
        return tf.stack([brightness * 0.0 + 1.0, brightness * 0.0], axis=1)

    adversarial = attacked(model, images, np.zeros(23, np.int64))
    np.testing.assert_array_equal(adversarial, images)


def test_misclassified_images_stay_where_they_are(linear_model, examples):
    images, _ = examples
    wrong = 1 - linear_model.exact_logits(images).argmax(axis=1)
    # Tanh space holds them to 1e-6 of the pixel range.
    np.testing.assert_allclose(attacked(linear_model, images, wrong), images, rtol=0, atol=2e-6)


def test_black_and_white_images_need_the_larger_learning_rate(linear_model, examples):
    # As the module says: tanh is flat at the bounds.
    images = np.round(examples[0])
    labels = linear_model.exact_logits(images).argmax(axis=1)
    for rate, changed in ((0.01, 0.0), (0.03, 1.0)):
        attack = CarliniWagnerL2("cwl2", 800, searches=4, learning_rate=rate)
        adversarial = attacked(linear_model, images, labels, attack=attack)
        assert (adversarial != images).any(axis=(1, 2, 3)).mean() == changed


def test_confidence_is_a_lead_in_logits(curved_model, examples):
    images, _ = examples
    labels = curved_model(images).numpy().argmax(axis=1)
    before = None
    for confidence in (0.0, 0.8):
        attack = CarliniWagnerL2("cwl2", 400, searches=5, confidence=confidence)
        adversarial = attacked(curved_model, images, labels, attack=attack)
        found = (adversarial != images).any(axis=(1, 2, 3))
        assert found.mean() > 0.8
        lead = margin_loss(tf.constant(labels), curved_model(adversarial)).numpy()
        # The graph and the eager model round logits of size 3 differently, by 1e-6.
        assert lead[found].min() >= confidence - 1e-5
        if before is not None:
            both = found & before[0]
            assert (lengths(adversarial, images) > before[1])[both].mean() > 0.9
        before = found, lengths(adversarial, images)


def test_success_rises_with_epsilon_and_nearness_with_steps(curved_model, examples):
    images, _ = examples
    labels = curved_model(images).numpy().argmax(axis=1)
    few, many = (
        lengths(
            attacked(
                curved_model, images, labels, attack=CarliniWagnerL2("cwl2", steps, searches=4)
            ),
            images,
        )
        for steps in (40, 400)
    )
    found = few > 0.0
    assert (many[found] <= few[found] * 1.001).all()
    assert many[found].mean() < 0.98 * few[found].mean()
    counts = [
        Attacker(curved_model, images, labels, ThreatModel(epsilon, norm="l2"), batch_size=23)
        .withstood(QUICK)
        .sum()
        for epsilon in (0.03, 0.1, 0.3)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_companions_change_nothing_and_rounds_repeat(curved_model, examples):
    images, _ = examples
    labels = curved_model(images).numpy().argmax(axis=1)
    together = attacked(curved_model, images, labels)
    np.testing.assert_array_equal(together, attacked(curved_model, images, labels))
    chosen = np.array([19, 2, 11, *[2] * 20])
    apart = attacked(curved_model, images[chosen], labels[chosen])
    # One batch size, so that one matrix product serves both; rows may round differently in it.
    np.testing.assert_allclose(apart, together[chosen], rtol=0, atol=1e-4)


def test_traced_once(uncalled_linear_model, examples):
    images, labels = examples
    for epsilon in (0.1, 0.2, 3.0):
        for attack in (QUICK, CarliniWagnerL2("cwl2", 240, searches=4)):
            attacked(uncalled_linear_model, images, labels, ThreatModel(epsilon, norm="l2"), attack)
    traces = logits_function(uncalled_linear_model).traces
    assert list(traces.values()) == [1]
    # Once for the check of gradients, once in the graph: steps and searches are not unrolled.
    assert uncalled_linear_model.calls == 2


def test_normalised_space_measures_scaled_changes(linear_model, examples):
    images = 0.3 + examples[0] * 0.4
    labels = linear_model.exact_logits(images).argmax(axis=1)
    std = np.array([0.1, 0.25, 0.4])
    scaled = ThreatModel(9.0, norm="l2", space="normalized", std=tuple(std))
    attack = CarliniWagnerL2("cwl2", 700, searches=7)
    adversarial = attacked(linear_model, images, labels, scaled, attack)
    gap = (linear_model.weights.astype(np.float64) @ [1.0, -1.0]).reshape(images.shape[1:])
    distance = abs(linear_model.exact_logits(images) @ [1.0, -1.0])
    distance /= np.linalg.norm(gap * std)
    ratio = scaled.distances(adversarial, images) / distance
    # Float32 rounds pixels by 3e-8 each, scaled.
    assert ratio.min() > 1.0 - 1e-5
    assert np.median(ratio) < 1.05
    pixel_answer = attacked(linear_model, images, labels, attack=attack)
    assert np.median(scaled.distances(pixel_answer, images) / distance) > 1.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "0 steps; use at least one"),
        ({"steps": 100}, "searches that divides the steps"),
        ({"steps": 10, "searches": 0}, "10 steps in 0 searches"),
        ({"steps": 60, "learning_rate": 0.0}, "the first two must be above 0"),
        ({"steps": 60, "first_constant": -1.0}, "the first two must be above 0"),
        ({"steps": 60, "confidence": -1.0}, "the last at least 0"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(RobustnessError, match=message):
        CarliniWagnerL2("cwl2", **settings)


def test_linf_is_refused(linear_model, examples):
    attacker = Attacker(linear_model, *examples, ThreatModel(0.1))
    with pytest.raises(RobustnessError, match="cwl2 works in l2"):
        attacker.withstood(QUICK)
