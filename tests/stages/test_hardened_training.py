"""Which network a student's training saves: the average, of the epoch that PGD judges best."""

import keras
import numpy as np
import pytest

from rnascl_tf.recipes import base_config
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.stages import baseline, hardened_training, train
from rnascl_tf.training import BestEpoch, hardening_of


@pytest.fixture
def robust_run(trained_run):
    trained_run.config.train.update(
        dict(attack="n_fgsm", epochs=2, label_smoothing=0.1, weight_average=0.9, keep_best=True)
    )
    trained_run.config.method.attention = False
    return trained_run


def weights(run, stage):
    return keras.models.load_model(run.workdir / stage / "student.keras").get_weights()


def test_the_average_of_the_best_epoch_is_saved(robust_run, monkeypatch):
    seen = []

    class FirstIsBest(BestEpoch):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {self.METRIC: 1.0 / (1 + epoch)})
            seen.append(self.network.get_weights())

    monkeypatch.setattr(hardened_training, "BestEpoch", FirstIsBest)
    models = []
    train_stage = hardened_training.train_stage

    def watched(run, stage, model, stream, **options):
        models.append(model)
        train_stage(run, stage, model, stream, **options)

    monkeypatch.setattr(hardened_training, "train_stage", watched)
    train.run(robust_run)
    model = models[0]
    assert model.validated is not model.classifier
    for found, first, last in zip(weights(robust_run, "train"), *(seen[0], seen[-1]), strict=True):
        np.testing.assert_array_equal(found, first)
        assert found.size < 9 or not np.array_equal(found, last)
    assert robust_run.record["stages"]["train"]["kept"] == {
        "epoch": 1,
        "validation_robust_accuracy": 1.0,
    }
    assert len(robust_run.record["history"]["train"]) == 2, "training goes on"
    assert not list((robust_run.workdir / "train").glob("best_*"))
    # Killed now, before the stage is recorded as finished, a run resumes after the last epoch.
    kept = weights(robust_run, "train")
    robust_run.record["stages"]["train"].pop("kept")
    train.run(robust_run)
    assert robust_run.record["stages"]["train"]["kept"]["epoch"] == 1
    for found, wanted in zip(weights(robust_run, "train"), kept, strict=True):
        np.testing.assert_array_equal(found, wanted)
    # The saved file is a student like any other.
    assert robust_run.student("train").output_shape == (None, 10)


def test_the_baseline_trains_by_the_same_attack_without_the_teacher(robust_run, monkeypatch):
    trained = {}
    monkeypatch.setattr(
        hardened_training,
        "train_stage",
        lambda run, stage, model, stream, **options: trained.update({stage: model}),
    )
    robust_run.config.train.keep_best = False
    train.run(robust_run)
    baseline.run(robust_run)
    taught, alone = trained["train"], trained["baseline"]
    assert (taught.signals is None, alone.signals is None) == (False, True)
    for model in (taught, alone):
        assert model.hardening.attack.name == "n_fgsm"
        assert (model.hardening.label_smoothing, model.hardening.average) == (0.1, 0.9)
    first, second = (model.classifier.get_weights() for model in (taught, alone))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_warning_knows_whether_the_average_was_validated(average, tmp_path, caplog):
    settings = base_config().train
    settings.update(dict(attack="n_fgsm", weight_average=average))
    hardening = hardening_of(settings, ThreatModel(0.1), seed=1)
    (warning,) = hardened_training.breakdown_warning("train", hardening, tmp_path, None)
    for epoch, (own, robust) in enumerate([(0.2, 0.3), (0.5, 0.0)]):
        warning.on_epoch_end(epoch, {"accuracy": own, "val_robust_accuracy": robust})
    assert "has broken down" in caplog.text
    assert ("of the averaged network" in caplog.text) == (average > 0)


def test_which_watchers_a_training_gets(robust_run, monkeypatch):
    given = {}
    monkeypatch.setattr(
        hardened_training,
        "train_stage",
        lambda run, stage, model, stream, **options: given.update(options),
    )
    settings = robust_run.config.train
    settings.keep_best = False

    def watchers(**values):
        settings.update(values)
        train.run(robust_run)
        return [type(callback).__name__ for callback in given["callbacks"]]

    assert watchers() == ["BreakdownWarning"]
    assert watchers(self_distillation=0.3) == ["BreakdownWarning", "SelfDistillation"]
    assert list(map(given["callbacks"][-1].part, range(2))) == pytest.approx([0.0, 0.3])
    assert watchers(attack="pgd", attack_steps=2, self_distillation=0.0) == []
    assert watchers(attack="none") == []
