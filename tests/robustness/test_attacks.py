import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

from rnascl_tf.robustness.attacks import (
    ATTACKS,
    Attack,
    check_differentiable,
    cross_entropy,
    known_attacks,
    margin_loss,
    perturb,
    random_directions,
)
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

EPSILON = 8 / 255


def attacked(name, model, images, labels, threat_model, seed=0):
    directions = random_directions(name, seed, range(len(images)), images.shape[1:])
    return perturb(
        ATTACKS[name], logits_function(model), images, labels, threat_model, directions
    ).numpy()


def test_table_holds_the_protocol_of_the_paper():
    # Steps and step sizes in units of 1/255 at epsilon 8/255, DESIGN section 5.
    rows = {
        name: (attack.steps, attack.step_fraction * 8, attack.random_start, attack.momentum)
        for name, attack in ATTACKS.items()
    }
    assert rows == {
        "fgsm": (1, 8.0, False, None),
        "pgd20": (20, 2.0, True, None),
        "mifgsm": (20, 0.8, False, 1.0),
        "cw": (20, 2.0, True, None),
    }
    assert ATTACKS["cw"].loss is margin_loss
    assert {ATTACKS[name].loss for name in ("fgsm", "pgd20", "mifgsm")} == {cross_entropy}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("epsilon", [2 / 255, 0.3])
def test_exact_answer_on_a_linear_model(name, epsilon, linear_model, examples):
    images, labels = examples
    adversarial = attacked(name, linear_model, images, labels, ThreatModel(epsilon))
    # Two units in the last place below 1, from rounding inwards.
    np.testing.assert_allclose(
        adversarial, linear_model.best_attack(images, labels, epsilon), rtol=0, atol=1.2e-7
    )


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("epsilon", [1 / 255, EPSILON, 0.1, 1.0])
def test_epsilon_and_bounds_hold_after_rounding(name, epsilon, linear_model, examples):
    images, labels = examples
    images = images.copy()
    images[:5] = np.round(images[:5])
    adversarial = attacked(name, linear_model, images, labels, ThreatModel(epsilon))
    assert adversarial.dtype == np.float32
    assert abs(adversarial - images).max() <= np.float32(epsilon)
    assert abs(adversarial.astype(np.float64) - images.astype(np.float64)).max() <= epsilon
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


@pytest.mark.parametrize("name", ATTACKS)
def test_narrower_bounds_hold(name, linear_model, examples):
    images, labels = examples
    images = 0.25 + images / 2
    threat_model = ThreatModel(0.5, bounds=(0.25, 0.75))
    adversarial = attacked(name, linear_model, images, labels, threat_model)
    assert adversarial.min() >= 0.25
    assert adversarial.max() <= 0.75


@pytest.mark.parametrize("name", ATTACKS)
def test_epsilon_zero_is_the_identity(name, linear_model, examples):
    images, labels = examples
    np.testing.assert_array_equal(
        attacked(name, linear_model, images, labels, ThreatModel(0.0)), images
    )


@pytest.mark.parametrize("name", ATTACKS)
def test_labels_are_attacked_and_not_predictions(name, linear_model, examples):
    # With all labels flipped every attack must go the opposite way.
    images, labels = examples
    adversarial = attacked(name, linear_model, images, 1 - labels, ThreatModel(EPSILON))
    np.testing.assert_allclose(
        adversarial,
        linear_model.best_attack(images, 1 - labels, EPSILON),
        rtol=0,
        atol=1.2e-7,
    )


def curved_model():
    generator = np.random.default_rng(7)
    first = (generator.normal(size=(105, 17)) / 4).astype(np.float32)
    second = generator.normal(size=(17, 5)).astype(np.float32)

    def model(images):
        return tf.tanh(tf.reshape(images - 0.5, (-1, 105)) @ first) @ second

    return model


@pytest.mark.parametrize(("name", "loss"), [("pgd20", None), ("cw", margin_loss)])
def test_sign_steps_equal_cleverhans_own_loop(name, loss, examples):
    # cleverhans' PGD takes no start from outside; without one, both must walk the same path.
    images, labels = examples
    model = curved_model()
    function = logits_function(model)
    attack = dataclasses.replace(ATTACKS[name], random_start=False)
    ours = perturb(attack, function, images, labels, ThreatModel(EPSILON))
    theirs = projected_gradient_descent(
        function,
        tf.constant(images),
        EPSILON,
        EPSILON / 4,
        20,
        np.inf,
        loss_fn=loss,
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(labels),
    )
    # Rounding inwards moves single pixels by a unit in the last place per step, and a sign may
    # turn where a gradient is all but zero.
    agreement = np.isclose(ours, theirs, rtol=0, atol=1e-6).mean()
    assert agreement > 0.99


@pytest.mark.parametrize("name", ATTACKS)
def test_loss_rises_with_epsilon(name, examples):
    images, _ = examples
    model = curved_model()
    labels = model(images).numpy().argmax(axis=1)
    losses = []
    for epsilon in (0.0, 0.01, 0.03, 0.1):
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
        for name in ("fgsm", "pgd20", "mifgsm")
    }
    assert loss["pgd20"] > loss["fgsm"]
    assert loss["mifgsm"] > loss["fgsm"]


def test_momentum_is_used(examples):
    # The first step is FGSM's; with momentum later steps keep its direction for longer.
    images, labels = examples
    model = curved_model()
    weak = dataclasses.replace(ATTACKS["mifgsm"], momentum=0.0)
    function = logits_function(model)
    with_momentum = perturb(ATTACKS["mifgsm"], function, images, labels, ThreatModel(0.3))
    without = perturb(weak, function, images, labels, ThreatModel(0.3))
    assert abs(with_momentum - without).numpy().max() > 0.01


def test_margin_loss_against_numpy():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(13, 7)).astype(np.float32)
    labels = generator.integers(0, 7, 13)
    expected = [max(np.delete(row, y)) - row[y] for row, y in zip(logits, labels, strict=True)]
    np.testing.assert_array_equal(margin_loss(labels, tf.constant(logits)), expected)


def test_random_directions_belong_to_the_image():
    shape = (5, 7, 3)
    everything = random_directions("pgd20", 0, range(11), shape)
    np.testing.assert_array_equal(random_directions("pgd20", 0, [7, 2], shape), everything[[7, 2]])
    assert not np.isclose(everything[0], everything[1]).any()
    assert not np.isclose(random_directions("cw", 0, range(11), shape), everything).any()
    assert not np.isclose(random_directions("pgd20", 1, range(11), shape), everything).any()


def test_random_directions_fill_the_box_uniformly():
    directions = random_directions("pgd20", 0, range(97), (16, 16, 3))
    assert directions.dtype == np.float32
    assert directions.min() >= -1.0
    assert directions.max() <= 1.0
    # 74,496 draws: the standard errors of the mean and of the variance are 0.0021 and 0.0011.
    assert directions.mean() == pytest.approx(0.0, abs=0.01)
    assert directions.var() == pytest.approx(1 / 3, abs=0.006)


def test_a_random_start_must_be_given(linear_model, examples):
    with pytest.raises(RobustnessError, match="starts at random"):
        perturb(ATTACKS["pgd20"], logits_function(linear_model), *examples, ThreatModel(EPSILON))


def test_width_of_the_labels_does_not_retrace(linear_model, examples):
    images, labels = examples
    for dtype in (np.int64, np.int32):
        attacked("fgsm", linear_model, images, labels.astype(dtype), ThreatModel(EPSILON))
    assert linear_model.calls == 1


def test_model_without_a_gradient_is_refused(examples):
    def model(images):
        logits = tf.numpy_function(lambda array: array[:, 0, 0, :2], [images], tf.float32)
        return tf.ensure_shape(logits, (None, 2))

    with pytest.raises(RobustnessError, match="no gradient reaches the images"):
        check_differentiable(ATTACKS["pgd20"], logits_function(model), *examples)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["pdg20"], "unknown attack 'pdg20'; known: clean, fgsm, pgd20, mifgsm, cw.*'pgd20'"),
        (["clean", "FGSM"], "Did you mean 'fgsm'"),
        (["autoattack"], "unknown attack 'autoattack'; known: clean"),
        ([None], "unknown attack None"),
        ([], "no attack is named"),
        ("fgsm,cw", r"the text 'fgsm,cw'; pass a list of names, \['fgsm', 'cw'\]"),
    ],
)
def test_refused_names(names, message):
    with pytest.raises(RobustnessError, match=message):
        known_attacks(names)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"steps": 0}, "0 steps"),
        ({"step_fraction": 1.5}, "at most 1"),
        ({"step_fraction": 0.0}, "above 0"),
        ({"momentum": 1.0, "loss": margin_loss}, "built in"),
        ({"momentum": 1.0, "random_start": True}, "starts at the image"),
    ],
)
def test_rows_that_cleverhans_cannot_run(row, message):
    good = {
        "name": "new",
        "steps": 3,
        "step_fraction": 0.5,
        "random_start": False,
        "loss": cross_entropy,
    }
    with pytest.raises(RobustnessError, match=message):
        Attack(**(good | row))
