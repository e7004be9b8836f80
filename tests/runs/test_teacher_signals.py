"""Where a stage's teacher signals come from, and what makes a store another one."""

import pytest

from rnascl_tf.runs import taught_stream
from rnascl_tf.training import LiveSignals, StoredSignals


@pytest.fixture
def run(trained_run):
    trained_run.record["teacher"] = {}
    return trained_run


def folders(run, tmp_path):
    """The store's folders after the stage has asked for one epoch."""
    run.config.signals.store = str(tmp_path / "store")
    _, signals = taught_stream(run, "train", 1)
    assert isinstance(signals, StoredSignals)
    return {path.name for path in (tmp_path / "store").iterdir()}


def test_without_a_store_the_teacher_runs_in_every_step(run):
    stream, signals = taught_stream(run, "train", 1)
    assert isinstance(signals, LiveSignals)
    assert stream.steps_per_epoch == 64 // run.config.data.batch_size


def test_the_store_is_filled_before_the_training(run, tmp_path):
    (folder,) = folders(run, tmp_path)
    epochs = [path.name for path in (tmp_path / "store" / folder).glob("epoch_*[0-9]")]
    assert epochs == ["epoch_0000"]
    assert len(folders(run, tmp_path)) == 1, "asked again, it is the same one"


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.data.update(dict(crop_padding=1)),
        lambda config: config.data.update(dict(batch_size=16)),
        lambda config: config.update(dict(seed=5)),
        lambda config: config.teacher.update(dict(taps="all")),
        lambda config: config.teacher.update(dict(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))),
    ],
)
def test_whatever_changes_the_signals_has_a_store_of_its_own(run, tmp_path, change):
    before = folders(run, tmp_path)
    change(run.config)
    assert folders(run, tmp_path) > before
