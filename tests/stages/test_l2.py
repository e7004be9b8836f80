"""Stages in L2 where a stage decides anything: what they train against, and what they record."""

import pytest

from rnascl_tf.stages import evaluate, native_teacher
from rnascl_tf.training import ATTACK_KINDS


@pytest.fixture
def in_l2(trained_run):
    config = trained_run.config
    config.threat.update(dict(norm="l2", epsilon="0.5"))
    config.trades.enabled = False
    config.evaluate.update(dict(attacks=("clean", "fgsm", "fgsm@1"), examples=7))
    return trained_run


@pytest.mark.parametrize("adversarial", ATTACK_KINDS)
def test_the_native_teacher_trains_against_l2(in_l2, adversarial):
    in_l2.config.teacher.update(dict(widths=(5,), blocks=(1,), adversarial=adversarial))
    model = native_teacher.adversarial_model(in_l2, native_teacher.native_classifier(in_l2, 1), 1)
    assert model.hardening.attack.threat_model == in_l2.threat_model
    batch = {
        "image": in_l2.dataset.train.evenly_spaced(7).as_float(),
        "label": in_l2.dataset.train.evenly_spaced(7).labels,
    }
    attacked = model.attacked(batch)["attacked"].numpy()
    distances = in_l2.threat_model.distances(attacked, batch["image"])
    # N-FGSM alone leaves the ball: two epsilons of noise and one of attack.
    assert (distances <= (1.5 if adversarial == "n_fgsm" else 0.5)).all()
    # An L-inf step of 0.5 would have moved every pixel as far.
    assert distances.max() > 0.05
    assert abs(attacked - batch["image"]).mean() < 0.05


def test_results_are_recorded_in_l2(in_l2):
    evaluate.run(in_l2)
    results = in_l2.record["robustness"]["student"]
    found = {name: (result["norm"], result["epsilon"]) for name, result in results.items()}
    assert found == {"clean": ("l2", 0.0), "fgsm": ("l2", 0.5), "fgsm@1": ("l2", 1.0)}
