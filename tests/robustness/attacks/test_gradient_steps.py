import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.attacks.momentum_iterative_method import momentum_iterative_method
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

from rnascl_tf.robustness.attacks.gradient_steps import GradientSteps
from rnascl_tf.robustness.attacks.losses import cross_entropy, margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.attacks.registry import ATTACKS, attack_named
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

EPSILON = 8 / 255
NAMES = ["fgsm", "bim", "pgd20", "mifgsm", "cw"]
NORMS = [("linf", np.inf), ("l2", 2)]


def attacked(attack, model, images, labels, threat_model, seed=0, attack_round=0):
    attack = attack_named(attack) if isinstance(attack, str) else attack
    randomness = Randomness(seed, range(len(images)))
    function = logits_function(model)
    return attack.perturb(function, images, labels, threat_model, randomness, attack_round)


@functools.cache
def curved_model():
    generator = np.random.default_rng(7)
    first = (generator.normal(size=(105, 17)) / 4).astype(np.float32)
    second = generator.normal(size=(17, 5)).astype(np.float32)

    def model(images):
        return tf.tanh(tf.reshape(images - 0.5, (-1, 105)) @ first) @ second

    return model


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("epsilon", [2 / 255, 0.3])
def test_exact_answer_on_a_linear_model(name, epsilon, linear_model, examples):
    images, labels = examples
    adversarial = attacked(name, linear_model, images, labels, ThreatModel(epsilon))
    # Two units in the last place below 1, from rounding inwards.
    np.testing.assert_allclose(
        adversarial, linear_model.best_attack(images, labels, epsilon), rtol=0, atol=1.2e-7
    )


@pytest.mark.parametrize("name", NAMES)
def test_exact_answer_on_a_linear_model_in_l2(name, linear_model, examples):
    # Far from the bounds, the best perturbation points along the difference of the weights.
    images, labels = examples
    images = 0.4 + images / 5
    adversarial = attacked(name, linear_model, images, labels, ThreatModel(0.25, norm="l2"))
    direction = (linear_model.weights[:, 1] - linear_model.weights[:, 0]).astype(np.float64)
    direction = (direction / np.linalg.norm(direction)).reshape(images.shape[1:])
    away = np.where(labels == 0, 1.0, -1.0)[:, None, None, None]
    # A random start is forgotten only as fast as the projection pulls towards the best point.
    tolerance = 0.004 if attack_named(name).random_start else 2e-6
    np.testing.assert_allclose(
        adversarial, images + 0.25 * away * direction, rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("epsilon", [1 / 255, EPSILON, 0.1, 1.0])
def test_epsilon_and_bounds_hold_after_rounding(name, norm, epsilon, linear_model, examples):
    images, labels = examples
    images = images.copy()
    images[:5] = np.round(images[:5])
    threat_model = ThreatModel(epsilon, norm=norm)
    adversarial = attacked(name, linear_model, images, labels, threat_model)
    assert adversarial.dtype == np.float32
    assert threat_model.distances(adversarial, images).max() <= epsilon
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_narrower_bounds_hold(name, norm, linear_model, examples):
    images, labels = examples
    images = 0.25 + images / 2
    threat_model = ThreatModel(0.9, norm=norm, bounds=(0.25, 0.75))
    adversarial = attacked(name, linear_model, images, labels, threat_model)
    assert adversarial.min() >= 0.25
    assert adversarial.max() <= 0.75


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_attacked_and_not_predictions(name, linear_model, examples):
    # With all labels flipped every attack must go the opposite way.
    images, labels = examples
    adversarial = attacked(name, linear_model, images, 1 - labels, ThreatModel(EPSILON))
    np.testing.assert_allclose(
        adversarial, linear_model.best_attack(images, 1 - labels, EPSILON), rtol=0, atol=1.2e-7
    )


@pytest.mark.parametrize(("norm", "order"), NORMS)
def test_one_step_equals_cleverhans(norm, order, examples):
    images, labels = examples
    model = curved_model()
    function = logits_function(model)
    ours = ATTACKS["fgsm"].perturb(
        function, images, labels, ThreatModel(EPSILON, norm=norm), Randomness(0, range(23)), 0
    )
    theirs = fast_gradient_method(
        function, images, EPSILON, order, clip_min=0.0, clip_max=1.0, y=tf.constant(labels)
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("norm", "order"), NORMS)
@pytest.mark.parametrize(("name", "loss"), [("pgd20", None), ("cw", margin_loss)])
def test_steps_equal_cleverhans_own_loop(name, loss, norm, order, examples):
    # cleverhans' PGD takes no start from outside; without one, both must walk the same path. In L2
    # only away from the pixel bounds, to which cleverhans cuts once more, before its projection.
    images, labels = examples
    images = images if norm == "linf" else 0.3 + images / 3
    model = curved_model()
    attack = dataclasses.replace(ATTACKS[name], random_start=False)
    ours = attacked(attack, model, images, labels, ThreatModel(EPSILON, norm=norm))
    theirs = projected_gradient_descent(
        logits_function(model),
        tf.constant(images),
        EPSILON,
        EPSILON / 4,
        20,
        order,
        loss_fn=loss,
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(labels),
    )
    # Rounding inwards moves single pixels by a unit in the last place per step, and a sign may
    # turn where a gradient is all but zero.
    assert np.isclose(ours, theirs, rtol=0, atol=2e-6).mean() > 0.99


@pytest.mark.parametrize(("norm", "order"), NORMS)
def test_momentum_steps_equal_cleverhans_own_loop(norm, order, examples):
    images, labels = examples
    model = curved_model()
    ours = attacked("mifgsm", model, images, labels, ThreatModel(EPSILON, norm=norm))
    theirs = momentum_iterative_method(
        logits_function(model),
        tf.constant(images),
        eps=EPSILON,
        eps_iter=EPSILON / 10,
        nb_iter=20,
        norm=order,
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(labels),
        sanity_checks=False,
    )
    assert np.isclose(ours, theirs, rtol=0, atol=2e-6).mean() > 0.99


def test_tiny_l2_gradients_still_move_the_images(linear_model, examples):
    # A confident model's; cleverhans takes a gradient shorter than 1e-6 for none.
    images, labels = examples
    images = 0.4 + images / 5

    def confident(images):
        return 30.0 * linear_model(images)

    threat_model = ThreatModel(0.25, norm="l2")
    right = np.abs(linear_model.exact_logits(images) @ [1, -1]) * 30 > 15
    assert right.sum() > 3
    adversarial = attacked("fgsm", confident, images, labels, threat_model)
    assert threat_model.distances(adversarial, images)[right].min() > 0.249


@pytest.mark.parametrize("name", NAMES)
def test_loss_rises_with_epsilon(name, examples):
    images, _ = examples
    model = curved_model()
    labels = model(images).numpy().argmax(axis=1)
    losses = []
    for epsilon in (0.001, 0.01, 0.03, 0.1):
        adversarial = attacked(name, model, images, labels, ThreatModel(epsilon))
        losses.append(margin_loss(labels, model(adversarial)).numpy().mean())
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 0.5


def test_twenty_steps_beat_one(examples):
    images, _ = examples
    model = curved_model()
    labels = model(images).numpy().argmax(axis=1)
    loss = {
        name: cross_entropy(labels, model(attacked(name, model, images, labels, ThreatModel(0.1))))
        .numpy()
        .mean()
        for name in ("fgsm", "bim", "pgd20", "mifgsm")
    }
    assert min(loss, key=loss.get) == "fgsm"


def test_momentum_is_used(examples):
    # The first step is FGSM's; with momentum later steps keep its direction for longer.
    images, labels = examples
    model = curved_model()
    weak = dataclasses.replace(ATTACKS["mifgsm"], momentum=0.0)
    with_momentum = attacked("mifgsm", model, images, labels, ThreatModel(0.3))
    without = attacked(weak, model, images, labels, ThreatModel(0.3))
    assert abs(with_momentum - without).max() > 0.01


def test_restarts_start_elsewhere(examples):
    images, labels = examples
    model = curved_model()
    first, second = (
        attacked("pgd5x2", model, images, labels, ThreatModel(0.3), attack_round=attack_round)
        for attack_round in (0, 1)
    )
    alone = attacked("pgd5", model, images, labels, ThreatModel(0.3))
    np.testing.assert_array_equal(first, alone)
    assert abs(first - second).max() > 0.01


def test_companions_do_not_matter(examples):
    images, labels = examples
    model = curved_model()
    function = logits_function(model)
    everything = ATTACKS["pgd20"].perturb(
        function, images, labels, ThreatModel(0.1), Randomness(0, range(23)), 0
    )
    chosen = np.array([17, 3, 5])
    few = ATTACKS["pgd20"].perturb(
        function, images[chosen], labels[chosen], ThreatModel(0.1), Randomness(0, chosen), 0
    )
    # Another batch shape adds up products in another order.
    np.testing.assert_allclose(few, everything[chosen], rtol=0, atol=1e-6)


def test_one_trace_for_all_epsilons_restarts_and_label_widths(uncalled_linear_model, examples):
    images, labels = examples
    for attack_round, dtype in enumerate((np.int64, np.int32)):
        for epsilon in (0.1, 0.2):
            attacked(
                "pgd20x2",
                uncalled_linear_model,
                images,
                labels.astype(dtype),
                ThreatModel(epsilon),
                attack_round=attack_round,
            )
    assert list(logits_function(uncalled_linear_model).traces.values()) == [1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"steps": 0}, "0 steps"),
        ({"step_fraction": 1.5}, "at most 1"),
        ({"step_fraction": 0.0}, "above 0"),
        ({"restarts": 0}, "0 restarts"),
        ({"restarts": 2}, "or more with a random start"),
    ],
)
def test_refused_rows(row, message):
    good = {
        "name": "new",
        "steps": 3,
        "step_fraction": 0.5,
        "random_start": False,
        "loss": cross_entropy,
    }
    with pytest.raises(RobustnessError, match=message):
        GradientSteps(**(good | row))
