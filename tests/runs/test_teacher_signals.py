"""Where a stage's teacher signals come from, and what makes a store another one."""

import json
import shutil

import numpy as np
import pytest

from rnascl_tf.data import DataError
from rnascl_tf.runs import stream_and_signals, student_stream, taught_stream, training_stream
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


@pytest.fixture
def run_of_views(run):
    run.config.signals.views = 2
    return run


def steps(stream, count, first_epoch=0, first_step=0):
    return list(stream.batches(first_epoch, first_step).take(count).as_numpy_iterator())


def test_views_are_kept_in_the_runs_own_folder(run_of_views, tmp_path):
    stream, signals = taught_stream(run_of_views, "train", 1)
    (folder,) = (tmp_path / "teacher" / "signals").iterdir()
    assert {path.name for path in folder.glob("view_*[0-9]")} == {"view_0000", "view_0001"}
    live = LiveSignals(run_of_views.teacher)
    for batch in stream.batches(0, 0).take(2 * stream.steps_per_epoch):
        found, wanted = signals(batch), live(batch)
        np.testing.assert_allclose(found.logits, wanted.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.maps, wanted.maps, atol=5e-4)


def test_views_are_kept_where_the_config_says(run_of_views, tmp_path):
    assert len(folders(run_of_views, tmp_path)) == 1
    run_of_views.config.signals.views = 3
    assert len(folders(run_of_views, tmp_path)) == 1, "more views of the same images"
    run_of_views.config.data.batch_size = 16
    assert len(folders(run_of_views, tmp_path)) == 1, "a batch does not decide a view"
    assert not (tmp_path / "teacher" / "signals").exists()


def test_students_see_the_same_views_with_and_without_a_teacher(run_of_views):
    taught, _ = stream_and_signals(run_of_views, "train", 1, taught=True)
    plain, nothing = stream_and_signals(run_of_views, "baseline", 1, taught=False)
    assert nothing is None
    for one, other in zip(steps(taught, 5, 1, 1), steps(plain, 5, 1, 1), strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
        np.testing.assert_array_equal(one["view"], other["view"])


def test_a_native_teacher_sees_new_images_in_every_epoch(run_of_views):
    (fresh,), (fixed,) = (
        steps(training_stream(run_of_views), 1),
        steps(student_stream(run_of_views), 1),
    )
    assert "view" not in fresh
    np.testing.assert_array_equal(fresh["index"], fixed["index"])
    assert (fresh["image"] != fixed["image"]).any()
    run_of_views.config.signals.views = 0
    (batch,) = steps(student_stream(run_of_views), 1)
    np.testing.assert_array_equal(batch["image"], fresh["image"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda config: config.data.update(dict(crop_padding=1)), "data.crop_padding was 2, is 1"),
        (lambda config: config.update(dict(seed=5)), "seed was 0, is 5"),
        (lambda config: config.teacher.update(dict(taps="all")), "taps was not set, is all"),
        (lambda config: config.signals.update(dict(views=0)), "parts was views, is not set"),
    ],
)
def test_other_views_are_computed_beside_or_named(run_of_views, tmp_path, caplog, change, named):
    (store,) = folders(run_of_views, tmp_path)
    change(run_of_views.config)
    with caplog.at_level("INFO"):
        assert len(folders(run_of_views, tmp_path)) == 2
    assert named in caplog.text
    run_of_views.config.signals.store = str(tmp_path / "store" / store)
    with pytest.raises(DataError, match=named):
        taught_stream(run_of_views, "train", 1)


def test_a_store_of_another_teacher_is_named(run_of_views, tmp_path):
    (store,) = folders(run_of_views, tmp_path)
    path = shutil.move(tmp_path / "store" / store, tmp_path / "given")
    run_of_views.config.signals.store = str(path)
    taught_stream(run_of_views, "train", 1)
    identity = json.loads((path / "identity.json").read_text())
    (path / "identity.json").write_text(json.dumps(identity | {"teacher": "0" * 64}))
    with pytest.raises(
        DataError, match=r"given holds signals of another teacher.*teacher was 000000"
    ):
        taught_stream(run_of_views, "train", 1)
