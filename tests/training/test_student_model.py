"""Training of the slim student: eq. 3, the baseline, tutors by name."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import build_student, student_taps
from rnascl_tf.objectives import cross_entropy
from rnascl_tf.training import CoupledSGD, StudentModel
from tests.training.conftest import ARCHITECTURE

pytestmark = pytest.mark.usefixtures("known_space")


def student_model(signals=None, gamma=1.0, kl=True, attention=True):
    student = build_student(ARCHITECTURE, momentum=0.9, seed=3)
    tutors = None
    if signals is not None and attention:
        names = list(student_taps(student).output["taps"])
        layers = signals.teacher_layers
        tutors = {name: layers[i % len(layers)] for i, name in enumerate(names)}
    model = StudentModel(student, signals, tutors, attention_size=5, gamma=gamma, kl=kl)
    model.compile(CoupledSGD(0.1, 0.9, 2e-4))
    return model


def test_eq_3_uses_the_one_hot_tutors(signals, batch):
    model = student_model(signals, gamma=17.0)
    terms, _ = model.loss_terms(batch)
    teacher_maps = signals(batch).maps.numpy().astype("float64")
    outputs = model(batch["image"], training=True)
    maps = model.attention_maps(list(outputs["taps"].values())).numpy().astype("float64")
    n_s, n_t = 10, len(signals.teacher_layers)
    distances = [
        np.linalg.norm(maps[:, i] - teacher_maps[:, i % n_t], axis=-1).mean() for i in range(n_s)
    ]
    # Distances come from float32 inner products, see docs/design.md, "The method".
    assert float(terms.attention) == pytest.approx(sum(distances) / (n_s * n_t), abs=1e-4)
    total = float(terms.cross_entropy) + float(terms.divergence) + 17.0 * float(terms.attention)
    assert float(terms.loss) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    ("kl", "attention", "wanted"),
    [(True, False, {"divergence"}), (False, True, {"attention"})],
)
def test_controls_leave_terms_out_of_the_loss_and_the_log(signals, batch, kl, attention, wanted):
    model = student_model(signals, gamma=17.0, kl=kl, attention=attention)
    terms, _ = model.loss_terms(batch)
    kept = float(terms.divergence) if kl else 17.0 * float(terms.attention)
    assert float(terms.loss) == pytest.approx(float(terms.cross_entropy) + kept, rel=1e-5)
    logged = model.train_step(batch).keys()
    assert logged == {"loss", "cross_entropy", "accuracy"} | wanted


def test_baseline_is_cross_entropy_alone(batch):
    model = student_model()
    terms, logits = model.loss_terms(batch)
    assert float(terms.loss) == pytest.approx(float(cross_entropy(batch["label"], logits)))
    assert {"loss", "cross_entropy", "accuracy"} == model.train_step(batch).keys()


@pytest.mark.parametrize("taught", [True, False])
def test_learns_and_evaluation_mode_agrees_with_training_mode(taught, signals, batch):
    model = student_model(signals if taught else None)
    step = tf.function(model.train_step, autograph=False)
    losses = []
    for _ in range(30):
        for metric in model.metrics:
            metric.reset_state()
        losses.append(float(step(batch)["cross_entropy"]))
    assert min(losses[-5:]) < losses[0] / 2
    forward = tf.function(lambda: model(batch["image"], training=True)["logits"], autograph=False)
    for _ in range(100):  # the moving statistics of weights that now stand still
        forward()
    accuracy = {
        mode: float(
            np.mean(
                model(batch["image"], training=mode)["logits"].numpy().argmax(-1) == batch["label"]
            )
        )
        for mode in (True, False)
    }
    assert abs(accuracy[True] - accuracy[False]) <= 0.1


def test_teacher_is_not_trained(signals, batch):
    model = student_model(signals)
    assert {id(v) for v in model.trainable_variables} == {
        id(v) for v in model.student.trainable_variables
    }
