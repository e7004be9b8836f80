"""Estimates count what a run does: every validation, and the teacher once for each fixed view."""

import itertools

import pytest

from rnascl_tf import runs, stages
from rnascl_tf.stages import estimation, search, train

STEP, VALIDATION = 7.0, 3.0


def seconds_without_a_clock(step):
    done = step()
    return VALIDATION if isinstance(done, dict) and "loss" not in done else STEP


@pytest.fixture
def run(trained_run, monkeypatch):
    monkeypatch.setattr(estimation, "_median_seconds", seconds_without_a_clock)
    return trained_run


def epoch_seconds(run):
    """The steps of an epoch, and its validation, whose images need not fill their batches."""
    validated = len(run.dataset.validation) / run.config.data.batch_size
    return STEP * runs.training_stream(run).steps_per_epoch + VALIDATION * validated


@pytest.mark.parametrize("views", [0, 3])
def test_the_teacher_is_asked_for_once_for_each_view(views, run):
    run.config.signals.views = views
    asked = []
    signals = stages.untrained_signals(run)
    call = type(signals).__call__

    class Watched(type(signals)):
        def __call__(self, batch):
            asked.append(batch)
            return call(self, batch)

    signals.__class__ = Watched
    size, images = run.config.data.batch_size, len(run.dataset.train)
    assert stages.view_seconds(run, signals) == pytest.approx(STEP / size * views * images)
    asked.clear()
    architecture = stages.untrained_student(run, signals)
    _, model = stages.student_model(run, architecture, signals, 2)
    assert stages.training_seconds(run, model, 5) == pytest.approx(5 * epoch_seconds(run))
    # Once: in the traced step without views, before it with them.
    assert len(asked) == 1
    assert (model.signals is signals) == (views == 0)


def test_the_views_are_counted_by_the_stage_that_meets_them_first(run, monkeypatch):
    monkeypatch.setattr(stages, "view_seconds", lambda run, signals: 1000.0)
    # A step, a validation and so on: that they are these is the test above.
    measured = itertools.cycle([STEP, VALIDATION])
    monkeypatch.setattr(estimation, "_median_seconds", lambda step: next(measured))
    run.config.signals.views = 3
    epoch = epoch_seconds(run)
    assert search.estimate(run) == pytest.approx(1000.0 + epoch * run.config.search.epochs)
    assert train.estimate(run) == pytest.approx(epoch * run.config.train.epochs)
    run.config.search.architecture = str(run.workdir / "search" / "architecture.json")
    assert search.estimate(run) == 0.0
    assert train.estimate(run) == pytest.approx(1000.0 + epoch * run.config.train.epochs)


def test_a_validation_under_attack_is_measured_as_such(run, monkeypatch):
    run.config.train.update(dict(attack="n_fgsm", epochs=1))
    measured = []
    monkeypatch.setattr(estimation, "_median_seconds", lambda step: measured.append(step()) or STEP)
    train.estimate(run)
    _, validation = measured
    assert validation.keys() == {"cross_entropy", "accuracy", "robust_accuracy"}
