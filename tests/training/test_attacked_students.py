"""Students on attacked images: what each term of eq. 3 sees, batch norm's modes, that it learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import build_student, student_taps
from rnascl_tf.objectives import cross_entropy, distillation_loss
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import CoupledSGD, Hardening, StudentModel, TrainingAttack, hardening_of
from tests.training.conftest import ARCHITECTURE

pytestmark = pytest.mark.usefixtures("known_space")
EPSILON = 0.05


def models(signals=None, learning_rate=0.02, attack="trades", **options):
    """Returns (attacked student's model, plain student's model of the same initial weights)."""
    options = {"attention_size": 5, "gamma": 17.0} | options
    both = []
    for attacked in (True, False):
        student = build_student(ARCHITECTURE, momentum=0.9, seed=3)
        tutors, hardening = None, Hardening()
        if signals is not None:
            names = list(student_taps(student).output["taps"])
            layers = signals.teacher_layers
            tutors = {name: layers[i % len(layers)] for i, name in enumerate(names)}
        if attacked:
            settings = {"attack": attack, "attack_steps": 2, "attack_step_size": 0.5, "beta": 6.0}
            hardening = hardening_of(settings, ThreatModel(EPSILON), seed=4)
        model = StudentModel(student, signals, tutors, hardening=hardening, **options)
        model.compile(CoupledSGD(learning_rate, 0.9, 2e-4))
        both.append(model)
    return both


def statistics(model):
    return [v.numpy().copy() for v in model.student.non_trainable_variables]


def log_softmax(logits):
    exact = logits.numpy().astype("float64")
    return exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))


def test_only_the_task_term_of_eq_3_differs(signals, batch):
    model, plain = models(signals)
    attacked = model.attacked(batch)["attacked"]
    terms, logits = model.loss_terms(batch | {"attacked": attacked})
    expected, expected_logits = plain.loss_terms(batch)
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-5, atol=1e-6)
    for name in ("cross_entropy", "divergence", "attention"):
        assert float(getattr(terms, name)) == pytest.approx(
            float(getattr(expected, name)), rel=1e-5
        )
    p = log_softmax(logits)
    q = log_softmax(model(attacked, training=True)["logits"])
    divergence = (np.exp(p) * (p - q)).sum(axis=1).mean()
    assert divergence > 1e-5
    # A difference of float32 sums of about 2.
    assert float(terms.loss - expected.loss) == pytest.approx(6.0 * divergence, abs=2e-6)
    logged = float(model.means["adversarial_divergence"].result())
    assert logged == pytest.approx(divergence, rel=1e-2)


def test_inner_attack_in_evaluation_mode_outer_step_in_training_mode(batch):
    model, reference = models()
    before = statistics(model)
    attacked = model.attacked(batch)["attacked"]
    for old, new in zip(before, statistics(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(attacked - batch["image"]).max() > 0.9 * EPSILON

    model.start_seeds.state.assign(models()[0].start_seeds.state)  # the same start again
    model.train_step(batch)
    for images in (batch["image"], attacked):
        reference(images, training=True)
    moved = [not np.array_equal(a, b) for a, b in zip(before, statistics(model), strict=True)]
    assert all(moved)
    for ours, theirs in zip(statistics(model), statistics(reference), strict=True):
        # The attack's sign steps may differ in a few pixels whose gradient is about zero.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_gradient_flows_through_the_clean_prediction_too(batch):
    model, _ = models()
    attacked = model.attacked(batch)["attacked"]
    with tf.GradientTape() as tape:
        task, outputs = model.task(batch | {"attacked": attacked})
        clean = outputs["logits"]
    p = log_softmax(clean)
    q = log_softmax(model(attacked, training=True)["logits"])
    mean_ratio = (np.exp(p) * (p - q)).sum(axis=1, keepdims=True)
    through_divergence = 6.0 * np.exp(p) * (p - q - mean_ratio)
    assert abs(through_divergence).max() > 1e-3
    expected = np.exp(p) - np.eye(7)[batch["label"]] + through_divergence
    np.testing.assert_allclose(tape.gradient(task.loss, clean), expected / 20, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("attack", ["trades", "n_fgsm"])
def test_training_lowers_the_loss_under_attack(signals, batch, attack):
    model, _ = models(signals, learning_rate=0.1, attack=attack)
    step = tf.function(model.train_step, autograph=False)
    judge = TrainingAttack("pgd", ThreatModel(EPSILON), keras.random.SeedGenerator(1), 2, 0.5)

    def robust_loss():
        attacked = judge(model.logits, batch["image"], batch["label"])
        return float(cross_entropy(batch["label"], model.logits(attacked)))

    before = robust_loss()
    for _ in range(30):
        logs = step(batch)
    assert robust_loss() < 0.9 * before
    names = {"loss", "cross_entropy", "divergence", "attention", "accuracy"}
    assert logs.keys() == names | ({"adversarial_divergence"} if attack == "trades" else set())


@pytest.mark.parametrize("kl_first", ["student", "teacher"])
def test_the_student_sees_the_attacked_and_the_teacher_the_clean_images(signals, batch, kl_first):
    model, _ = models(signals, attack="n_fgsm", kl_first=kl_first)
    attacked = model.attacked(batch)
    terms, logits = model.loss_terms(attacked)
    outputs = model(attacked["attacked"], training=True)
    taught = signals(batch)
    wanted = distillation_loss(
        cross_entropy(batch["label"], outputs["logits"]),
        outputs["logits"],
        model.attention_maps(list(outputs["taps"].values())),
        taught.logits,
        taught.maps,
        tutor_weights=model.tutor_weights,
        gamma=17.0,
        kl_first=kl_first,
    )
    np.testing.assert_allclose(logits, outputs["logits"], rtol=1e-5, atol=1e-6)
    for name in ("loss", "cross_entropy", "divergence", "attention"):
        assert float(getattr(terms, name)) == pytest.approx(float(getattr(wanted, name)), rel=1e-5)
    # Another image, and another way round, would be seen.
    p, q = log_softmax(logits), log_softmax(taught.logits)
    if kl_first == "teacher":
        p, q = q, p
    assert float(terms.divergence) == pytest.approx(
        (np.exp(p) * (p - q)).sum(axis=1).mean(), rel=1e-4
    )
    assert abs(float(terms.attention) - float(model.loss_terms(batch)[0].attention)) > 1e-5


def test_without_a_teacher_the_same_images_train_the_baseline(batch):
    model, _ = models(attack="fgsm_rs")
    attacked = model.attacked(batch)
    terms, logits = model.loss_terms(attacked)
    wanted = cross_entropy(batch["label"], model(attacked["attacked"], training=True)["logits"])
    assert float(terms.loss) == pytest.approx(float(wanted), rel=1e-5)
    assert terms.divergence is None
    assert terms.attention is None
    assert logits.shape == (20, 7)


def test_random_starts_are_part_of_the_training_state():
    model, _ = models()
    assert any("seed_generator" in variable.path for variable in model.variables)
    assert {id(v) for v in model.trainable_variables} == {
        id(v) for v in model.student.trainable_variables
    }


def test_validation_tells_clean_from_robust_accuracy(batch):
    model, _ = models()
    labels = model.logits(batch["image"]).numpy().argmax(axis=1)
    results = model.test_step(batch | {"label": tf.constant(labels, tf.int32)})
    assert float(results["accuracy"]) == 1.0
    assert float(results["robust_accuracy"]) < 1.0
