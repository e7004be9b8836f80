"""Adversarial training: inner attack in evaluation mode, outer step in training mode, it learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.objectives import cross_entropy
from rnascl_tf.objectives.trades import trades_loss
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import AdversarialModel, CoupledSGD
from rnascl_tf.training.adversarial.adversarial_model import TradesAdversarialModel
from rnascl_tf.training.adversarial.training_attack import TrainingAttack

SHAPE, CLASSES = (9, 7, 3), 5
KINDS = ["pgd", "trades"]


def adversarial_model(kind="pgd", epsilon=0.05, beta=6.0, average=0.0):
    network = teachers.resnet(
        CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1, batch_norm_momentum=0.9
    )
    options = {"attack_steps": 3, "attack_step_size": 0.5, "seed": 3, "average": average}
    if kind == "trades":
        model = TradesAdversarialModel(network, ThreatModel(epsilon), beta=beta, **options)
    else:
        model = AdversarialModel(network, ThreatModel(epsilon), **options)
    model.compile(CoupledSGD(0.05, 0.9, 1e-4))
    return model


def batch():
    generator = np.random.default_rng(0)
    return {
        "image": tf.constant(generator.random((16, *SHAPE), dtype="float32")),
        "label": tf.constant(generator.integers(0, CLASSES, 16), tf.int32),
    }


def statistics(model):
    return [v.numpy().copy() for v in model.classifier.non_trainable_variables]


@pytest.mark.parametrize("kind", KINDS)
def test_the_inner_attack_leaves_moving_statistics_alone_and_the_outer_step_moves_them(kind):
    model = adversarial_model(kind)
    before = statistics(model)
    attacked = model.attacked(batch())
    for old, new in zip(before, statistics(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(attacked - batch()["image"]).max() > 0.04
    model.train_step(batch())
    assert any(not np.array_equal(a, b) for a, b in zip(before, statistics(model), strict=True))


def test_trades_shows_batch_norm_the_clean_and_then_the_attacked_images():
    model, reference = adversarial_model("trades"), adversarial_model("trades")
    attacked = reference.attacked(batch())
    reference(batch()["image"], training=True)
    reference(attacked, training=True)
    model.train_step(batch())
    for ours, theirs in zip(statistics(model), statistics(reference), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_trades_terms_are_those_of_the_objective():
    model = adversarial_model("trades", beta=2.0)
    attacked = model.attacked(batch())
    terms, logits = model.loss_terms(batch(), attacked)
    clean, expected_logits = model(batch()["image"], training=True), model(attacked, training=True)
    expected = trades_loss(batch()["label"], clean, expected_logits, 2.0)
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms, expected, rtol=1e-5, atol=1e-6)
    assert {"loss", "cross_entropy", "adversarial_divergence", "accuracy"} == (
        model.train_step(batch()).keys()
    )


def test_random_starts_are_part_of_the_training_state():
    assert any("seed_generator" in variable.path for variable in adversarial_model().variables)


@pytest.mark.parametrize("kind", KINDS)
def test_robust_loss_falls(kind):
    model = adversarial_model(kind, epsilon=0.01)
    step = tf.function(model.train_step, autograph=False)
    test = tf.function(model.test_step, autograph=False)

    def robust_loss():
        for metric in model.metrics:
            metric.reset_state()
        return float(test(batch())["cross_entropy"])

    before = robust_loss()
    for _ in range(60):
        step(batch())
    assert robust_loss() < before / 2


@pytest.mark.parametrize("kind", KINDS)
def test_validation_is_under_attack(kind):
    weak, strong = (adversarial_model(kind, epsilon) for epsilon in (1e-6, 0.5))
    losses = [float(model.test_step(batch())["cross_entropy"]) for model in (weak, strong)]
    assert losses[1] > losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_average_follows_the_training(kind):
    model = adversarial_model(kind, average=0.999)
    first = [variable.numpy() for variable in model.validated.variables]
    for _ in range(3):
        model.train_step(batch())
    # After t steps d_t = (1 + t) / (10 + t): the average lags behind, and has moved.
    for before, average, now in zip(
        first, model.validated.variables, model.classifier.variables, strict=True
    ):
        moved = np.abs(now.numpy() - before).max()
        if moved:
            assert 0 < np.abs(average.numpy() - now.numpy()).max() < moved


@pytest.mark.parametrize("kind", KINDS)
def test_validation_attacks_and_asks_the_averaged_network(kind):
    model = adversarial_model(kind, average=0.9)
    generator = np.random.default_rng(5)
    for variable in model.validated.variables:  # another network than the trained one
        variable.assign(variable + 0.1 * generator.random(variable.shape).astype("float32"))
    attack = TrainingAttack(ThreatModel(0.05), 3, 0.5, keras.random.SeedGenerator(3))
    images, labels = batch()["image"], batch()["label"]
    attacked = attack.against_labels(model.validated, images, labels)
    wanted = cross_entropy(labels, model.validated(attacked, training=False))
    np.testing.assert_allclose(model.test_step(batch())["cross_entropy"], wanted, rtol=1e-5)


def test_average_and_best_are_part_of_the_training_state():
    model = adversarial_model(average=0.9)
    saved = {id(variable) for variable in model.variables}
    assert {id(variable) for variable in model.validated.variables} <= saved
    assert id(model.best) in saved
    assert sum("averaged_steps" in variable.path for variable in model.variables) == 1
    plain = adversarial_model()
    assert len({id(v) for v in plain.variables}) == len(plain.variables)
