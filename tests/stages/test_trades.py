"""The TRADES stage: what it starts from, what it writes, and that a killed one resumes."""

import numpy as np
import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.layers import BatchNormalization
from rnascl_tf.runs import Run
from rnascl_tf.stages import hardened_training, trades
from rnascl_tf.training import ATTACK_KINDS


@pytest.fixture
def fine_tuned(trained_run):
    """The run after its stage, which was killed once between the last epoch and the saving."""
    (trained_run.workdir / "trades" / "student.keras").unlink()

    def killed(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hardened_training, "save_model", killed)
        with pytest.raises(KeyboardInterrupt):
            trades.run(trained_run)
    again = Run(trained_run.config, trained_run.workdir)
    trades.run(again)
    return again


def test_a_killed_stage_goes_on_from_its_last_epoch(fine_tuned):
    folder = fine_tuned.workdir / "trades"
    (row,) = fine_tuned.record["history"]["trades"]
    names = {"loss", "cross_entropy", "divergence", "attention", "adversarial_divergence"}
    assert names | {"val_accuracy", "val_robust_accuracy"} <= row.keys()
    assert (folder / "history.csv").read_text().count("\n") == 2, "the epoch was trained once"

    before, after = fine_tuned.student("train"), fine_tuned.student("trades")
    changes = [
        np.abs(old.numpy() - new.numpy()).max()
        for old, new in zip(before.trainable_variables, after.trainable_variables, strict=True)
    ]
    assert np.mean([change > 0 for change in changes]) > 0.9
    # Two steps at 0.01: it has started from the trained weights, not from new ones.
    assert np.median(changes) < 0.05
    momenta = {layer.momentum for layer in after.layers if isinstance(layer, BatchNormalization)}
    assert momenta == {0.9}, "two steps; the train stage's 0.997 would keep the old statistics"


@pytest.mark.parametrize("kl", [True, False])
def test_the_teacher_is_loaded_only_where_it_teaches(kl, trained_run, monkeypatch):
    trained = []
    monkeypatch.setattr(
        hardened_training,
        "train_stage",
        lambda run, stage, model, stream, **options: trained.append(model),
    )
    trained_run.config.method.update(dict(kl=kl, attention=False))
    run = Run(trained_run.config, trained_run.workdir)
    if not kl:
        (run.workdir / "teacher" / "teacher.json").unlink()
    trades.run(run)
    (model,) = trained
    assert (model.signals is not None) == model.kl == kl
    assert model.tutor_weights is None
    attack = model.hardening.attack
    assert (attack.name, attack.steps, attack.step_fraction) == ("trades", 1, 1.0)
    assert (model.hardening.beta, attack.threat_model) == (6.0, run.threat_model)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_needs_a_trained_student(trained_run):
    (trained_run.workdir / "train" / "student.keras").unlink()
    with pytest.raises(UserError, match="run the train stage first"):
        trades.run(trained_run)


@pytest.mark.parametrize("attack", ATTACK_KINDS)
def test_its_titles_hold_for_every_attack_that_it_accepts(attack):
    style = trades.STAGE.style
    for text in (style.title, style.origin):
        assert attack not in text.lower().replace("-", "_")
