"""Eq. 2 and eq. 3: the sum of the terms, gamma, and the price."""

import numpy as np
import pytest

from rnascl_tf.objectives import attention_loss, distillation_loss, kl_divergence

BATCH, CLASSES, STUDENT, TEACHER, PIXELS = 5, 7, 2, 3, 11


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)

    def maps(layers):
        values = generator.random((BATCH, layers, PIXELS)).astype("float32")
        return values / np.linalg.norm(values, axis=-1, keepdims=True)

    return {
        "task": np.float32(2.25),
        "student_logits": generator.normal(size=(BATCH, CLASSES)).astype("float32"),
        "student_maps": maps(STUDENT),
        "teacher_logits": generator.normal(size=(BATCH, CLASSES)).astype("float32"),
        "teacher_maps": maps(TEACHER),
        "tutor_weights": np.full((STUDENT, TEACHER), 1 / TEACHER, "float32"),
    }


@pytest.mark.parametrize("kl", [True, False])
@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(("gamma", "factor"), [(0.0, 1.0), (1.0, 0.9), (17.0, 1.0)])
def test_is_the_priced_sum_of_its_terms(problem, gamma, factor, kl, attention):
    tutor_weights = problem.pop("tutor_weights")
    terms = distillation_loss(
        **problem,
        tutor_weights=tutor_weights if attention else None,
        gamma=gamma,
        kl=kl,
        cost_factor=factor,
    )
    total = 2.25
    if kl:
        wanted = float(kl_divergence(problem["student_logits"], problem["teacher_logits"]))
        assert float(terms.divergence) == pytest.approx(wanted)
        total += wanted
    if attention:
        wanted = float(
            attention_loss(problem["student_maps"], problem["teacher_maps"], tutor_weights)
        )
        assert float(terms.attention) == pytest.approx(wanted), "reported before gamma"
        total += gamma * wanted
    assert float(terms.loss) == pytest.approx(total * factor, rel=1e-5)
    assert float(terms.cross_entropy) == 2.25
    assert float(terms.cost_factor) == pytest.approx(factor)
    assert (terms.divergence is None) is not kl
    assert (terms.attention is None) is not attention


def test_eq_3_has_no_price(problem):
    assert float(distillation_loss(**problem, gamma=1.0).cost_factor) == 1.0
