"""The masking verdict: masked models fail the right checks, robust and weak ones pass all.

Small networks on scikit-learn's digits, trained here in a second each; the measurements for the checks
against NumPy float64 on a linear model; the thresholds on made-up measurements.
"""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.evaluation import adversarial_images
from rnascl_tf.robustness.logits_function import BlackBoxFunction
from rnascl_tf.robustness.masking.checks import masking_verdict
from rnascl_tf.robustness.masking.measurements import Ascent, MaskingMeasurements
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel
from rnascl_tf.training.adversarial.training_attack import projected_gradient

EPSILON = 0.1
ALL_CHECKS = [
    *("gradient", "path", "loss", "large_epsilon", "steps", "restarts", "random_start"),
    *("iterative", "square", "transfer"),
]


@pytest.fixture(scope="module")
def digits():
    """1,400 scans to train on and 397 to attack; ((images, labels), (images, labels))."""
    scans = datasets.load_digits()
    images = (scans.images / 16).astype(np.float32)[..., None]
    labels = scans.target.astype(np.int64)
    return (images[:1400], labels[:1400]), (images[1400:], labels[1400:])


def trained(digits, epsilon):
    """Trains a dense network, adversarially if epsilon is above 0."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10)]
    )
    optimizer = keras.optimizers.Adam(3e-3)
    optimizer.build(model.trainable_variables)
    seed_generator = keras.random.SeedGenerator(1)

    @tf.function
    def step(images, labels):
        if epsilon:
            images = projected_gradient(
                model,
                images,
                labels,
                ThreatModel(epsilon),
                5,
                epsilon / 3,
                seed_generator=seed_generator,
            )
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    images, labels = digits[0]
    order = np.random.default_rng(0)
    for _ in range(15):
        for batch in order.permutation(1400).reshape(14, 100):
            step(tf.constant(images[batch]), tf.constant(labels[batch]))
    return model


@pytest.fixture(scope="module")
def weak(digits):
    return trained(digits, 0.0)


@pytest.fixture(scope="module")
def robust(digits):
    return trained(digits, 0.15)


def verdict_of(model, digits, **settings):
    images, labels = digits[1]
    return masking_verdict(
        MaskingMeasurements(
            model, images, labels, ThreatModel(EPSILON), square_queries=300, **settings
        )
    )


def numbers(verdict):
    return {check.name: (check.first, check.second) for check in verdict.checks}


def test_an_adversarially_trained_model_passes(robust, weak, digits):
    verdict = verdict_of(robust, digits, teacher=weak)
    assert verdict.failed == []
    assert not verdict.suspicious
    assert [check.name for check in verdict.checks] == ALL_CHECKS
    assert numbers(verdict)["steps"][0] > 60  # robust indeed, so that it could have failed
    assert numbers(verdict)["transfer"][1] >= numbers(verdict)["transfer"][0]
    assert {check.count for check in verdict.checks[3:]} == {200}


def test_a_plainly_trained_model_is_weak_and_passes(weak, digits):
    verdict = verdict_of(weak, digits)
    assert verdict.failed == []
    assert numbers(verdict)["steps"][0] < 60 < numbers(verdict)["large_epsilon"][0]
    assert [check.name for check in verdict.checks] == ALL_CHECKS[:-1]
    assert verdict.left_out == ("transfer: no teacher was given",)


def test_a_quantiser_in_front_is_found(weak, robust, digits):
    def quantised(images):
        # Five levels of ink as a sum of steps; TensorFlow's gradient of sign is zero.
        steps = [tf.sign(images - threshold) for threshold in (0.125, 0.375, 0.625, 0.875)]
        return weak(0.5 + tf.add_n(steps) / 8.0)

    verdict = verdict_of(quantised, digits, teacher=robust)
    assert verdict.suspicious
    assert {"gradient", "loss", "large_epsilon", "square", "transfer"} <= set(verdict.failed)
    assert numbers(verdict)["gradient"] == (100.0, 0.0)
    start, end = numbers(verdict)["loss"]
    assert start == end


def test_gradients_that_lead_astray_are_found(weak, digits):
    def rippled(images):
        # The slope swings between -1 and 3 while values move by at most 1/125.
        return weak(images + tf.sin(80 * np.pi * images) / (40 * np.pi))

    verdict = verdict_of(rippled, digits)
    assert {"loss", "large_epsilon", "square"} <= set(verdict.failed)
    assert "gradient" not in verdict.failed


def test_saturated_cross_entropy_is_found(weak, digits):
    def scaled(images):
        return 1e4 * weak(images)

    verdict = verdict_of(scaled, digits)
    assert {"gradient", "loss", "large_epsilon"} <= set(verdict.failed)
    # No image of float32 has another gradient; the margin loss still breaks half of them.
    assert numbers(verdict)["gradient"][0] == 100.0
    assert numbers(verdict)["square"][0] < numbers(verdict)["steps"][0] - 20


def test_gradients_that_are_not_finite_are_reported_not_raised(linear_model, examples):
    def with_a_root(images):
        # The derivative of the root at 0 is infinite, times 0: NaN.
        return linear_model(images) + tf.sqrt(tf.nn.relu(images[:, 0, 0, :1] - 0.5)) / 100

    verdict = masking_verdict(MaskingMeasurements(with_a_root, *examples, ThreatModel(EPSILON)))
    assert verdict.failed[0] == "gradient"
    assert 0 < numbers(verdict)["gradient"][0] < 100
    assert "not finite" in verdict.left_out[0]
    json.dumps(verdict.as_record(), allow_nan=False)


class MadeUp:
    """Measurements on n images; the first ones withstand each attack, as many as are given."""

    threat_model = ThreatModel(EPSILON)
    large = ThreatModel(0.5)
    square_queries = 77
    classes = 10

    def __init__(self, count, has_teacher=True, missing=0, falling=0, taught=0.9, **withstood):
        self.count = count
        self.teacher_accuracy = Accuracy(int(taught * count), count) if has_teacher else None
        self.missing, self.falling, self.counts = missing, falling, withstood

    def withstood(self, attack):
        return np.arange(self.count) < self.counts.get(attack, self.count // 2)

    def clean(self):
        return self.withstood("clean")

    def withstood_far(self, attack):
        assert attack == "pgd100x5"
        return np.arange(self.count) < self.counts.get("far", 0)

    def withstood_square(self):
        return self.withstood("square")

    def transferred(self, attack):
        return self.withstood(f"{attack} of the teacher")

    def ascent(self):
        gradients = np.ones(self.count, np.float32)
        gradients[: self.missing] = 0.0
        losses = np.repeat(np.linspace(1.0, 2.0, 21)[:, None], self.count, axis=1)
        losses[-1, : self.falling] = 0.99
        return Ascent(gradients, losses)


@pytest.mark.parametrize(
    ("measurements", "failed"),
    [
        ({}, []),
        ({"pgd100": 97}, []),
        ({"pgd100": 96}, ["steps"]),
        ({"pgd100": 120}, []),
        ({"pgd20x5": 97}, []),
        ({"pgd20x5": 96}, ["restarts"]),
        ({"bim": 97}, []),
        ({"bim": 96}, ["random_start"]),
        ({"bim": 103}, []),
        ({"bim": 104}, ["random_start"]),
        ({"fgsm": 97}, []),
        ({"fgsm": 96}, ["iterative"]),
        ({"square": 97}, []),
        ({"square": 96}, ["square"]),
        ({"square": 90, "cw": 93}, []),
        ({"square": 90, "cw": 94}, ["square"]),
        ({"pgd20 of the teacher": 96}, ["transfer"]),
        ({"pgd20 of the teacher": 96, "has_teacher": False}, []),
        ({"far": 1}, ["large_epsilon"]),
        ({"missing": 1}, ["gradient"]),
        ({"falling": 3}, []),
        ({"falling": 4}, ["path"]),
    ],
)
def test_thresholds_at_200_images(measurements, failed):
    verdict = masking_verdict(MadeUp(200, **measurements))
    assert verdict.failed == failed
    assert verdict.suspicious == bool(failed)


@pytest.mark.parametrize(("taught", "checked"), [(0.1, False), (0.14, False), (0.16, True)])
def test_a_teacher_that_guesses_says_nothing(taught, checked):
    """Of 200 images at 10 classes; the 95% interval of 28 begins at 9.9%, of 32 at 11.6%."""
    verdict = masking_verdict(MadeUp(200, taught=taught))
    assert ("transfer" in [check.name for check in verdict.checks]) == checked
    assert any("guessing" in reason for reason in verdict.left_out) != checked


def test_one_image_of_few_decides_nothing():
    assert masking_verdict(MadeUp(40, square=19)).failed == []
    assert masking_verdict(MadeUp(40, square=18)).failed == ["square"]


@pytest.mark.parametrize(
    ("at_quarters", "passed"),
    [
        ([0.0, 1.0, 2.0, 3.0, 4.0], True),
        ([0.0, 3.9, 4.0, 3.85, 4.0], True),
        ([0.0, 3.9, 4.0, 3.7, 4.0], False),
        ([1.0, 1.0, 1.0, 1.0, 1.0], False),
        ([1.0, 1.2, 1.1, 1.0, 0.9], False),
    ],
)
def test_the_mean_loss_must_rise(at_quarters, passed):
    measured = MadeUp(31)
    losses = np.interp(np.arange(21), [0, 5, 10, 15, 20], at_quarters)
    ascent = Ascent(np.ones(31, np.float32), np.repeat(losses[:, None], 31, axis=1))
    measured.ascent = lambda: ascent
    assert ("loss" not in masking_verdict(measured).failed) == passed


def test_a_model_that_classifies_nothing_correctly_hides_nothing():
    nothing = dict.fromkeys(("clean", "pgd20", "pgd100", "pgd20x5", "bim", "fgsm", "square"), 0)
    measured = MadeUp(50, has_teacher=False, cw=0, **nothing)
    measured.ascent = lambda: Ascent(np.zeros(0, np.float32), np.zeros((21, 0)))
    verdict = masking_verdict(measured)
    assert not verdict.suspicious
    json.dumps(verdict.as_record(), allow_nan=False)


def test_record():
    verdict = masking_verdict(MadeUp(200, has_teacher=False, square=80, fgsm=130))
    record = json.loads(json.dumps(verdict.as_record(), allow_nan=False))
    assert (record["suspicious"], record["failed"]) == (True, ["square"])
    assert (record["epsilon"], record["norm"], record["space"]) == (EPSILON, "linf", "pixel")
    square = next(check for check in record["checks"] if check["name"] == "square")
    assert (square["first"], square["second"], square["discordant"]) == (50.0, 40.0, [20, 0])
    assert square["second_name"] == "square with 77 queries"
    assert "BPDA" in square["remedy"]
    assert square["count"] == 200
    assert len(record["checks"]) == 9
    assert ["no teacher" in reason for reason in record["left_out"]] == [True]


def exact_cross_entropy(model, images, labels):
    logits = model.exact_logits(images)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]


def test_ascent_is_exact_on_a_linear_model(linear_model, examples):
    images, labels = examples
    measured = MaskingMeasurements(linear_model, images, labels, ThreatModel(0.02), batch_size=7)
    ascent, standing = measured.ascent(), measured.clean()
    images, labels = images[standing], labels[standing]
    assert ascent.losses.shape == (21, 21)
    start = exact_cross_entropy(linear_model, images, labels)
    # Float32 logits of size 3 err by some 1e-6.
    np.testing.assert_allclose(ascent.losses[0], start, atol=5e-6)
    slope = abs(linear_model.weights[:, 1] - linear_model.weights[:, 0]).max()
    np.testing.assert_allclose(ascent.gradients, slope * -np.expm1(-start), rtol=1e-4)
    for step in (1, 2, 4, 20):
        adversarial = linear_model.best_attack(images, labels, min(step, 4) * 0.005)
        wanted = exact_cross_entropy(linear_model, adversarial, labels)
        np.testing.assert_allclose(ascent.losses[step], wanted, atol=5e-6)


@pytest.mark.parametrize(
    "threat_model",
    [
        ThreatModel(0.05),
        ThreatModel(0.3, "l2"),
        ThreatModel(0.05, bounds=(0.1, 0.75)),
        ThreatModel(0.1, space="normalized", std=(0.2, 0.3, 0.25)),
    ],
    ids=str,
)
def test_the_path_is_that_of_bim_whatever_the_batches(threat_model, linear_model, examples):
    images, labels = examples
    images = np.clip(images, *(np.float32(bound) for bound in threat_model.bounds))
    low, high = (float(np.float32(bound)) for bound in threat_model.bounds)
    threat_model = dataclasses.replace(threat_model, bounds=(low, high))
    ascents = []
    for batch_size in (23, 5):
        measured = MaskingMeasurements(
            linear_model, images, labels, threat_model, batch_size=batch_size
        )
        ascents.append(measured.ascent())
    # Batches of other shapes may sum in another order.
    np.testing.assert_allclose(ascents[0].losses, ascents[1].losses, atol=5e-6)
    standing = measured.clean()
    reached = adversarial_images(linear_model, images, labels, threat_model, "bim")[standing]
    wanted = exact_cross_entropy(linear_model, reached, labels[standing])
    np.testing.assert_allclose(ascents[0].losses[-1], wanted, atol=2e-5)


def test_transfer_is_exact_between_linear_models(linear_model, examples):
    images, labels = examples
    teacher = type(linear_model)(seed=12)
    measured = MaskingMeasurements(
        linear_model, images, labels, ThreatModel(0.3), teacher=teacher, batch_size=9
    )
    adversarial = teacher.best_attack(images, labels, 0.3)
    wanted = linear_model.exact_logits(adversarial).argmax(axis=1) == labels
    wanted &= linear_model.exact_logits(images).argmax(axis=1) == labels
    np.testing.assert_array_equal(measured.transferred("pgd20"), wanted)
    assert 0 < wanted.sum() < 21


def test_a_stopped_measurement_goes_on_and_ends_the_same(linear_model, examples, tmp_path):
    images, labels = examples
    kept = {"state": tmp_path / "masking", "model_id": "linear", "batch_size": 5}

    def stop(name, done, total):
        if name == "pgd20" and done > 5:
            raise KeyboardInterrupt

    stopped = MaskingMeasurements(
        linear_model, images, labels, ThreatModel(0.02), on_batch=stop, **kept
    )
    stopped.withstood_far("pgd100x5")
    with pytest.raises(KeyboardInterrupt):
        stopped.withstood("pgd20")
    stopped._attacker.outcomes.save()  # a killed process loses at most the last five seconds
    seen = []
    again = MaskingMeasurements(
        linear_model,
        images,
        labels,
        ThreatModel(0.02),
        on_batch=lambda *event: seen.append(event),
        **kept,
    )
    whole = MaskingMeasurements(linear_model, images, labels, ThreatModel(0.02), batch_size=5)
    np.testing.assert_array_equal(again.withstood_far("pgd100x5"), whole.withstood_far("pgd100x5"))
    assert not seen
    np.testing.assert_array_equal(again.withstood("pgd20"), whole.withstood("pgd20"))
    assert seen[0][1] > 5
    # Other images have a file of their own, so nothing is refused.
    MaskingMeasurements(
        linear_model, images, labels, ThreatModel(0.02), examples=7, **kept
    ).withstood("pgd20")


def test_a_teacher_of_other_classes_is_refused(linear_model, examples):
    def three_classes(images):
        return tf.reshape(images, (-1, 105))[:, :3]

    with pytest.raises(RobustnessError, match=r"the teacher.*has 3 classes, the data set 2"):
        MaskingMeasurements(linear_model, *examples, ThreatModel(0.02), teacher=three_classes)


def test_transfer_cannot_win_back_what_was_wrong(linear_model, examples):
    images, labels = examples
    opposite = type(linear_model)()
    opposite.weights = linear_model.weights[:, ::-1].copy()
    # What breaks the opposite model makes this one right about all labels, the two wrong ones too.
    threat_model = ThreatModel(0.3)
    measured = MaskingMeasurements(linear_model, images, labels, threat_model, teacher=opposite)
    adversarial = adversarial_images(opposite, images, labels, threat_model, "pgd20")
    assert (linear_model.exact_logits(adversarial).argmax(axis=1) == labels).all()
    np.testing.assert_array_equal(measured.transferred("pgd20"), measured.clean())
    assert measured.clean().sum() == 21


def test_attacks_are_exact_on_a_linear_model(linear_model, examples):
    images, labels = examples
    measured = MaskingMeasurements(
        linear_model, images, labels, ThreatModel(0.02), square_queries=400
    )
    wanted = linear_model.withstands(images, labels, 0.02)
    assert 0 < wanted.sum() < 21
    np.testing.assert_array_equal(measured.withstood("pgd20"), wanted)
    assert (measured.withstood_square() >= wanted).all()
    assert measured.withstood_square().sum() < 21
    assert not measured.withstood_far("pgd20").any()


def test_images_are_evenly_spaced(linear_model, examples):
    images, labels = examples
    measured = MaskingMeasurements(linear_model, images, labels, ThreatModel(0.02), examples=7)
    rows = [0, 3, 6, 9, 13, 16, 19]
    assert measured.count == 7
    wanted = linear_model.exact_logits(images[rows]).argmax(axis=1) == labels[rows]
    np.testing.assert_array_equal(measured.clean(), wanted)
    assert not wanted.all()  # labels 4 and 13 are wrong


@pytest.mark.parametrize(
    ("threat_model", "wanted"),
    [
        (ThreatModel(0.1), 0.5),
        (ThreatModel(0.7), 0.7),
        (ThreatModel(0.1, bounds=(0.25, 0.75)), 0.25),
        (ThreatModel(0.1, "l2"), 105**0.5 / 2),
        (ThreatModel(0.1, space="normalized", std=(0.5, 0.25, 0.4)), 2.0),
        (
            ThreatModel(0.1, "l2", space="normalized", std=(0.5, 0.25, 1.0)),
            (35 * (1 + 4 + 0.25)) ** 0.5,
        ),
        (ThreatModel(0.1, space="normalized", std=(0.01, 1.0, 1.0)), 50.0),
    ],
    ids=str,
)
def test_the_large_ball_reaches_the_middle_of_the_range(
    threat_model, wanted, linear_model, examples
):
    images, labels = examples
    images = np.clip(images, *(np.float32(bound) for bound in threat_model.bounds))
    measured = MaskingMeasurements(linear_model, images, labels, threat_model)
    assert measured.large.epsilon == pytest.approx(wanted, rel=1e-12)
    assert dataclasses.replace(measured.large, epsilon=threat_model.epsilon) == threat_model
    middle = np.full_like(images, sum(threat_model.bounds) / 2)
    assert (measured.large.distances(images, middle) <= wanted * (1 + 1e-6)).all()


def test_refusals(linear_model, examples):
    images, labels = examples
    black_box = BlackBoxFunction(lambda images: np.asarray(linear_model(images)))
    for model, epsilon, settings, message in (
        (linear_model, 0.0, {}, "epsilon is 0"),
        (linear_model, 0.1, {"examples": 0}, "examples is 0"),
        (linear_model, 0.1, {"square_queries": 1.5}, "square_queries is 1.5"),
        (black_box, 0.1, {}, "needs gradients"),
    ):
        with pytest.raises(RobustnessError, match=message):
            MaskingMeasurements(model, images, labels, ThreatModel(epsilon), **settings)
    with pytest.raises(RobustnessError, match="23 images came with 22 labels"):
        MaskingMeasurements(linear_model, images, labels[:-1], ThreatModel(0.1), examples=5)
