"""Estimates count what a run does: the teacher once for each fixed view, not once in each step."""

import pytest

from rnascl_tf import runs, stages
from rnascl_tf.stages import estimation, search, train


@pytest.fixture
def run(trained_run, monkeypatch):
    # Seconds are the number of calls of a step, the first one included: no clock, no chance.
    monkeypatch.setattr(estimation, "_median_seconds", lambda step: step() is None or 7.0)
    return trained_run


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
    assert stages.view_seconds(run, signals) == pytest.approx(7.0 / size * views * images)
    asked.clear()
    architecture = stages.untrained_student(run, signals)
    _, model = stages.student_model(run, architecture, signals, 2)
    assert stages.training_seconds(run, model, 5) == 7.0 * 5 * (images // size)
    # Once: in the traced step without views, before it with them.
    assert len(asked) == 1
    assert (model.signals is signals) == (views == 0)


def test_the_views_are_counted_by_the_stage_that_meets_them_first(run, monkeypatch):
    monkeypatch.setattr(stages, "view_seconds", lambda run, signals: 1000.0)
    run.config.signals.views = 3
    epoch = 7.0 * runs.training_stream(run).steps_per_epoch
    assert search.estimate(run) == 1000.0 + epoch * run.config.search.epochs
    assert train.estimate(run) == epoch * run.config.train.epochs
    run.config.search.architecture = str(run.workdir / "search" / "architecture.json")
    assert search.estimate(run) == 0.0
    assert train.estimate(run) == 1000.0 + epoch * run.config.train.epochs
