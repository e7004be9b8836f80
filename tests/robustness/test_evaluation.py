import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.attacks import square
from rnascl_tf.robustness.evaluation import adversarial_images, attack_outcomes, evaluate
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel
from rnascl_tf.robustness.wilson import wilson_interval

EVERYTHING = ["clean", "fgsm", "pgd20", "mifgsm", "cw"]


def coin_flip_model():
    """Broken where a random start lies right of 0.5, robust where it lies left.

    The loss has its minimum at the image (0.5) and rises to both sides, but only the right side
    reaches the other class, so that each image's outcome shows its random start.
    """

    def model(images):
        offset = images[:, 0, 0, 0] - 0.5
        margin = tf.where(offset > 0.0, 40.0 * offset, -5.0 * offset) - 1.0
        return tf.stack([-margin / 2, margin / 2], axis=1)

    return model, np.full((61, 5, 7, 3), 0.5, np.float32), np.zeros(61, int)


def test_every_attack_finds_the_exact_robust_accuracy(linear_model, examples):
    images, labels = examples
    epsilon = 3 / 255
    robust = linear_model.withstands(images, labels, epsilon)
    assert 0.2 < robust.mean() < 0.8  # otherwise the test would say little
    results = evaluate(linear_model, images, labels, ThreatModel(epsilon), EVERYTHING, batch_size=5)
    assert list(results) == EVERYTHING
    assert results["clean"]["accuracy"] == pytest.approx(21 / 23)
    for name in EVERYTHING[1:]:
        assert results[name]["accuracy"] == robust.mean()
        outcomes = attack_outcomes(
            linear_model, images, labels, ThreatModel(epsilon), name, batch_size=5
        )
        assert outcomes.dtype == bool
        np.testing.assert_array_equal(outcomes, robust)


def test_record_of_an_attack(linear_model, examples):
    results = evaluate(linear_model, *examples, ThreatModel(0.02), ["clean", "mifgsm"], seed=7)
    record = results["mifgsm"]
    low, high = wilson_interval(round(record["accuracy"] * 23), 23)
    assert record["seconds"] > 0.0
    del record["seconds"]
    assert record == {
        "accuracy": record["accuracy"],
        "n": 23,
        "interval": [low, high],
        "epsilon": 0.02,
        "steps": 20,
        "norm": "linf",
        "space": "pixel",
        "seed": 7,
    }
    assert results["clean"]["epsilon"] == 0.0
    assert results["clean"]["steps"] == 0
    json.dumps(results)


def test_accuracy_never_rises_with_epsilon(linear_model, examples):
    for name in EVERYTHING[1:]:
        accuracies = [
            evaluate(linear_model, *examples, ThreatModel(epsilon), [name])[name]["accuracy"]
            for epsilon in (0.0, 0.005, 0.02, 0.08, 0.3)
        ]
        assert accuracies == sorted(accuracies, reverse=True)
        assert accuracies[0] == 21 / 23
        assert accuracies[-1] == 0.0


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_padding_changes_nothing(batch_size, linear_model, examples):
    images, labels = examples
    outcomes = attack_outcomes(
        linear_model, images, labels, ThreatModel(3 / 255), "pgd20", batch_size=batch_size
    )
    np.testing.assert_array_equal(outcomes, linear_model.withstands(images, labels, 3 / 255))


def test_a_single_image(linear_model, examples):
    images, labels = examples
    results = evaluate(linear_model, images[:1], labels[:1], ThreatModel(0.3), ["clean", "cw"])
    assert results["clean"]["accuracy"] == 1.0
    assert results["cw"]["accuracy"] == 0.0
    assert results["cw"]["n"] == 1


def test_a_single_image_does_not_hide_training_mode(linear_model, examples):
    images, labels = examples

    def centred(images):
        logits = linear_model(images)
        return logits - tf.reduce_mean(logits, axis=0)

    with pytest.raises(RobustnessError, match="other images of the batch"):
        evaluate(centred, images[:1], labels[:1], ThreatModel(0.3), ["clean"])


def test_one_trace_per_forward_pass_and_attack(uncalled_linear_model, examples):
    # 23 images in batches of 5, the last one padded. Python runs the model inside a graph only when
    # that is traced: for the forward pass and for each of the four attacks.
    evaluate(uncalled_linear_model, *examples, ThreatModel(0.005), EVERYTHING, batch_size=5)
    assert uncalled_linear_model.traces == 5
    evaluate(uncalled_linear_model, *examples, ThreatModel(0.02), EVERYTHING, batch_size=5, seed=1)
    assert uncalled_linear_model.traces == 5


def test_same_seed_same_outcomes_whatever_the_global_state():
    model, images, labels = coin_flip_model()
    threat_model = ThreatModel(0.1)
    outcomes = []
    for global_seed in (1, 2):
        tf.random.set_seed(global_seed)
        keras.utils.set_random_seed(global_seed)
        outcomes.append(attack_outcomes(model, images, labels, threat_model, "pgd20"))
    np.testing.assert_array_equal(*outcomes)
    # A fair coin, 61 throws: outside 10 to 51 once in ten million.
    assert 10 < outcomes[0].sum() < 51
    other_seed = attack_outcomes(model, images, labels, threat_model, "pgd20", seed=1)
    assert (other_seed != outcomes[0]).any()
    smaller_batches = attack_outcomes(model, images, labels, threat_model, "pgd20", batch_size=7)
    np.testing.assert_array_equal(smaller_batches, outcomes[0])


def test_order_of_attacks_does_not_matter():
    model, images, labels = coin_flip_model()
    forward = evaluate(model, images, labels, ThreatModel(0.1), ["pgd20", "cw"])
    backward = evaluate(model, images, labels, ThreatModel(0.1), ["cw", "pgd20"])
    assert list(backward) == ["cw", "pgd20"]
    for name in forward:
        assert forward[name]["accuracy"] == backward[name]["accuracy"]


def test_global_random_state_is_left_alone(linear_model, examples):
    tf.random.set_seed(3)
    undisturbed = tf.random.uniform((5,)).numpy()
    tf.random.set_seed(3)
    evaluate(linear_model, *examples, ThreatModel(0.02), EVERYTHING)
    np.testing.assert_array_equal(tf.random.uniform((5,)).numpy(), undisturbed)


def test_progress_leaves_out_images_that_are_broken_already(linear_model, examples):
    seen = []
    evaluate(
        linear_model,
        *examples,
        ThreatModel(0.02),
        ["clean", "fgsm"],
        batch_size=10,
        on_batch=lambda *arguments: seen.append(arguments),
    )
    assert seen == [
        ("clean", 10, 23),
        ("clean", 20, 23),
        ("clean", 23, 23),
        ("fgsm", 10, 21),
        ("fgsm", 20, 21),
        ("fgsm", 21, 21),
    ]


def test_nothing_left_to_attack(linear_model, examples):
    images, _ = examples
    wrong = 1 - linear_model.exact_logits(images).argmax(axis=1)
    results = evaluate(linear_model, images, wrong, ThreatModel(0.02), EVERYTHING)
    assert [results[name]["accuracy"] for name in EVERYTHING] == [0.0] * 5


def test_keras_model_in_evaluation_mode_keeps_its_statistics(examples):
    images, _ = examples
    model = keras.Sequential(
        [
            keras.Input((5, 7, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    labels = model(images, training=False).numpy().argmax(axis=1)
    before = [variable.numpy() for variable in model.non_trainable_variables]
    results = evaluate(model, images, labels, ThreatModel(0.0), ["clean", "pgd20"])
    assert results["clean"]["accuracy"] == results["pgd20"]["accuracy"] == 1.0
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_logits_that_break_under_attack_are_refused(examples):
    images, _ = examples
    images = 0.2 + images / 4

    def overflows_when_bright(images):
        brightness = tf.reduce_max(images, axis=(1, 2, 3))
        logits = tf.stack([1.0 - brightness, brightness - 1.0], axis=1)
        return tf.where(brightness[:, None] > 0.5, float("nan"), logits)

    with pytest.raises(RobustnessError, match=r"fgsm: .* NaN .* image 0 or the 22 after it"):
        evaluate(overflows_when_bright, images, np.zeros(23, int), ThreatModel(0.9), ["fgsm"])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; an integer >= 1"),
        ({"batch_size": 2.5}, r"batch_size is 2\.5"),
        ({"seed": -1}, "seed is -1; an integer >= 0"),
        ({"seed": None}, "seed is None"),
    ],
)
def test_refused_settings(keywords, message, linear_model, examples):
    with pytest.raises(RobustnessError, match=message):
        evaluate(linear_model, *examples, ThreatModel(0.02), ["fgsm"], **keywords)


def test_model_without_a_gradient_is_refused(linear_model, examples):
    def model(images):
        logits = tf.numpy_function(linear_model.exact_logits, [images], tf.float64)
        return tf.ensure_shape(logits, (None, 2))

    images, labels = examples
    assert evaluate(model, images, labels, ThreatModel(0.02), ["clean"])["clean"]["n"] == 23
    with pytest.raises(RobustnessError, match="no gradient reaches the images"):
        evaluate(model, images, labels, ThreatModel(0.02), ["fgsm"])


def test_guard_runs_before_any_attack(linear_model, examples):
    images, labels = examples
    with pytest.raises(RobustnessError, match="unknown attack"):
        evaluate(linear_model, images, labels, ThreatModel(0.02), ["pdg"])
    with pytest.raises(RobustnessError, match="labels are missing"):
        evaluate(linear_model, images, None, ThreatModel(0.02), ["fgsm"])
    with pytest.raises(RobustnessError, match="divide by 255"):
        attack_outcomes(linear_model, images * 255, labels, ThreatModel(0.02), "fgsm")

    def softmax(images):
        return tf.nn.softmax(linear_model(images))

    with pytest.raises(RobustnessError, match="probabilities"):
        attack_outcomes(softmax, images, labels, ThreatModel(0.02), "fgsm")


@pytest.mark.parametrize("name", EVERYTHING[1:])
def test_adversarial_images_are_the_exact_best_attack_on_every_image(linear_model, examples, name):
    images, labels = examples
    epsilon = 3 / 255
    batches = []
    attacked = adversarial_images(
        linear_model,
        images,
        labels,
        ThreatModel(epsilon),
        name,
        batch_size=5,
        on_batch=lambda attack, done, total: batches.append((attack, done, total)),
    )
    expected = linear_model.best_attack(images, labels, epsilon)
    np.testing.assert_allclose(attacked, expected, atol=1e-6)
    assert batches == [(name, done, 23) for done in (5, 10, 15, 20, 23)]


def test_adversarial_images_break_what_the_evaluation_counts_as_broken(linear_model, examples):
    images, labels = examples
    threat_model = ThreatModel(3 / 255)
    attacked = adversarial_images(linear_model, images, labels, threat_model, "pgd20")
    predictions = np.argmax(linear_model(attacked), axis=1)
    clean = np.argmax(linear_model(images), axis=1)
    robust = (predictions == labels) & (clean == labels)
    outcomes = attack_outcomes(linear_model, images, labels, threat_model, "pgd20")
    np.testing.assert_array_equal(robust, outcomes)


def test_clean_adversarial_images_are_a_copy(linear_model, examples):
    images, labels = examples
    same = adversarial_images(linear_model, images, labels, ThreatModel(0.1), "clean")
    np.testing.assert_array_equal(same, images)
    assert same is not images


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ["fgsm", "pgd20", "apgd-ce", "square"])
def test_normalized_space_at_eight_255ths_of_real_pixels(
    name, norm, linear_model, examples, monkeypatch
):
    monkeypatch.setattr(square, "SQUARE", dataclasses.replace(square.SQUARE, steps=300))
    # Pixels of 8 bits and CIFAR-10's std: scaling there and back rounds.
    images = np.round(examples[0] * 255).astype(np.float32) / np.float32(255)
    labels = linear_model.exact_logits(images).argmax(axis=1)
    threat_model = ThreatModel(8 / 255, norm, space="normalized", std=(0.247, 0.243, 0.262))
    results = evaluate(linear_model, images, labels, threat_model, [name])
    assert results[name]["space"] == "normalized"
    # Weaker than the same number in pixels.
    pixel = evaluate(linear_model, images, labels, ThreatModel(8 / 255, norm), [name])
    assert results[name]["accuracy"] >= pixel[name]["accuracy"]


@pytest.mark.parametrize("name", ["fgsm", "pgd20", "cw", "apgd-ce", "apgd-t", "fab-t", "cwl2"])
def test_nan_gradients_are_not_taken_for_robustness(name, examples):
    images, _ = examples

    @tf.custom_gradient
    def without_gradient(images):
        """Of images whose first pixel is dark; the values are right."""
        dark = images[:, :1, :1, :1] < 0.5
        return tf.identity(images), lambda upstream: tf.where(dark, np.nan, upstream)

    def model(images):
        flat = tf.reshape(without_gradient(images), (-1, 105))
        return flat @ tf.ones((105, 5)) * tf.range(5.0, 0.0, -1.0)[None]

    labels = model(images).numpy().argmax(axis=1)
    threat_model = ThreatModel(0.1, "l2" if name == "cwl2" else "linf")
    with pytest.raises(RobustnessError, match="the gradient is NaN or infinite") as refusal:
        evaluate(model, images, labels, threat_model, [name])
    assert "\n" not in str(refusal.value)
