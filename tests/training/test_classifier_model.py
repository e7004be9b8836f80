"""Training on labels: inner attack in evaluation mode, outer step in training mode, it learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.objectives import cross_entropy, trades_loss
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import ClassifierModel, CoupledSGD, Hardening, TrainingAttack

SHAPE, CLASSES = (9, 7, 3), 5
KINDS = ["n_fgsm", "fgsm_rs", "pgd", "trades"]


def adversarial_model(kind="pgd", epsilon=0.05, beta=6.0, **options):
    network = teachers.resnet(
        CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1, batch_norm_momentum=0.9
    )
    threat_model, seeds = ThreatModel(epsilon), keras.random.SeedGenerator(3)
    hardening = Hardening(
        attack=TrainingAttack(kind, threat_model, seeds, 3, 0.5) if kind else None,
        beta=beta,
        validation=TrainingAttack("pgd", threat_model, seeds, 3, 0.5),
        **options,
    )
    model = ClassifierModel(network, hardening)
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
    attacked = model.attacked(batch())["attacked"]
    for old, new in zip(before, statistics(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(attacked - batch()["image"]).max() > 0.04
    model.train_step(batch())
    assert any(not np.array_equal(a, b) for a, b in zip(before, statistics(model), strict=True))


def test_trades_shows_batch_norm_the_clean_and_then_the_attacked_images():
    model, reference = adversarial_model("trades"), adversarial_model("trades")
    attacked = reference.attacked(batch())["attacked"]
    reference(batch()["image"], training=True)
    reference(attacked, training=True)
    model.train_step(batch())
    for ours, theirs in zip(statistics(model), statistics(reference), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["n_fgsm", "fgsm_rs", "pgd"])
def test_the_network_sees_the_attacked_images_alone_and_once(kind):
    model, reference = adversarial_model(kind), adversarial_model(kind)
    attacked = reference.attacked(batch())["attacked"]
    logits = reference(attacked, training=True)
    terms, found = model.loss_terms(batch() | {"attacked": attacked})
    np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-6)
    assert float(terms.loss) == pytest.approx(
        float(cross_entropy(batch()["label"], logits)), rel=1e-5
    )
    for ours, theirs in zip(statistics(model), statistics(reference), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_clean_images_beside_the_attacked_ones():
    model = adversarial_model("n_fgsm", clean_weight=0.5)
    attacked = model.attacked(batch())
    terms, logits = model.loss_terms(attacked)
    losses = [
        float(cross_entropy(batch()["label"], model(attacked[name], training=True)))
        for name in ("attacked", "image")
    ]
    assert float(terms.cross_entropy) == pytest.approx(losses[0], rel=1e-5)
    assert float(terms.loss) == pytest.approx(losses[0] + 0.5 * losses[1], rel=1e-5)
    np.testing.assert_allclose(
        logits, model(attacked["attacked"], training=True), rtol=1e-5, atol=1e-6
    )


def test_trades_terms_are_those_of_the_objective():
    model = adversarial_model("trades", beta=2.0)
    attacked = model.attacked(batch())
    terms, logits = model.loss_terms(attacked)
    clean, other = (model(attacked[name], training=True) for name in ("image", "attacked"))
    expected = trades_loss(batch()["label"], clean, other, 2.0)
    np.testing.assert_allclose(logits, clean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms.loss, expected.loss, rtol=1e-5)
    np.testing.assert_allclose(terms.cross_entropy, expected.cross_entropy, rtol=1e-5)
    assert {"loss", "cross_entropy", "adversarial_divergence", "accuracy"} == (
        model.train_step(batch()).keys()
    )


def test_smoothed_labels_are_in_the_loss_and_not_in_the_accuracy():
    model = adversarial_model(None, label_smoothing=0.3)
    terms, logits = model.loss_terms(batch())
    exact = np.asarray(logits, np.float64)
    log_p = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    target = 0.7 * np.eye(CLASSES)[batch()["label"]] + 0.3 / CLASSES
    assert float(terms.loss) == pytest.approx(-(target * log_p).sum(axis=1).mean(), rel=1e-5)
    accuracy = np.mean(exact.argmax(axis=1) == batch()["label"])
    assert float(model.train_step(batch())["accuracy"]) == pytest.approx(accuracy)


@pytest.mark.parametrize("part", [0.0, 0.25])
def test_the_averages_predictions_replace_part_of_the_labels(part):
    model = adversarial_model(None, average=0.9, self_distillation=0.5, label_smoothing=0.1)
    generator = np.random.default_rng(5)
    for variable in model.validated.variables:  # another network than the trained one
        variable.assign(variable + 0.1 * generator.random(variable.shape).astype("float32"))
    model.own_part.assign(part)
    own = np.asarray(tf.nn.softmax(model.validated(batch()["image"], training=False)), np.float64)
    smoothed = 0.9 * np.eye(CLASSES)[batch()["label"]] + 0.1 / CLASSES
    wanted = (1 - part) * smoothed + part * own
    found = tf.function(model.targets)(batch())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.sum(found, axis=1), 1.0, rtol=1e-6)


def test_a_plain_training_has_no_state_of_its_own():
    """Its checkpoints are those of runs made before there were attacks."""
    network = teachers.resnet(CLASSES, SHAPE, widths=(5,), blocks=(1,), seed=1)
    model = ClassifierModel(network)
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    own = [v for v in model.variables if id(v) not in metrics]
    assert [v.path for v in own] == [v.path for v in network.variables]
    assert set(model.test_step(batch())) == {"cross_entropy", "accuracy"}


def test_random_starts_are_part_of_the_training_state():
    assert any("seed_generator" in variable.path for variable in adversarial_model().variables)


@pytest.mark.parametrize("kind", KINDS)
def test_robust_accuracy_rises(kind):
    model = adversarial_model(kind, epsilon=0.01)
    step = tf.function(model.train_step, autograph=False)
    for _ in range(60):
        step(batch())
    results = tf.function(model.test_step, autograph=False)(batch())
    # Of 16 images and 5 classes; untrained it is near 0.2.
    assert float(results["robust_accuracy"]) > 0.7


@pytest.mark.parametrize("kind", [None, "pgd"])
def test_validation_tells_clean_from_robust_accuracy(kind):
    model = adversarial_model(kind, epsilon=0.5)
    labels = tf.constant(np.argmax(model.logits(batch()["image"]), axis=1), tf.int32)
    results = model.test_step(batch() | {"label": labels})
    assert float(results["accuracy"]) == 1.0
    assert float(results["robust_accuracy"]) < 1.0


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


def test_validation_attacks_and_asks_the_averaged_network():
    model = adversarial_model("n_fgsm", epsilon=0.2, average=0.9)
    other = teachers.resnet(CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=9)
    model.validated.set_weights(other.get_weights())
    images = batch()["image"]
    labels = np.argmax(model.validated(images, training=False), axis=1)
    labels[:3] = (labels[:3] + 1) % CLASSES
    judge = TrainingAttack("pgd", ThreatModel(0.2), keras.random.SeedGenerator(3), 3, 0.5)
    attacked = judge(other, images, tf.constant(labels))
    wanted = np.mean(np.argmax(other(attacked, training=False), axis=1) == labels)
    results = model.test_step({"image": images, "label": tf.constant(labels, tf.int32)})
    assert float(results["accuracy"]) == pytest.approx(13 / 16)
    assert 0 < wanted < 13 / 16
    assert float(results["robust_accuracy"]) == pytest.approx(wanted)


def test_average_and_best_are_part_of_the_training_state():
    model = adversarial_model(average=0.9)
    saved = {id(variable) for variable in model.variables}
    assert {id(variable) for variable in model.validated.variables} <= saved
    assert id(model.best) in saved
    assert sum("averaged_steps" in variable.path for variable in model.variables) == 1
    plain = adversarial_model()
    assert plain.validated is plain.classifier
    assert len({id(v) for v in plain.variables}) == len(plain.variables)
