"""The resumable fit: interrupted equals uninterrupted, logs stay whole, NaN stops without loss."""

import csv
import functools
import logging
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.data import Examples, evaluation_batches, training_batches
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.runtime.stopping import StoppedError, stop_signals
from rnascl_tf.training import (
    ClassifierModel,
    CoupledSGD,
    Plan,
    Stream,
    TemperatureAnnealing,
    TrainingDivergedError,
    batch_norm_momentum,
    fit,
    hardening_of,
)
from tests.training.conftest import ONE_BLOCK

SHAPE, CLASSES, STEPS = (9, 9, 3), 7, 2


def examples():
    generator = np.random.default_rng(0)
    return Examples(
        generator.integers(0, 256, (16, *SHAPE)).astype("uint8"),
        generator.integers(0, CLASSES, 16).astype("int32"),
    )


def stream(first_epoch, first_step=0):
    return training_batches(
        examples(),
        batch_size=8,
        seed=3,
        first_epoch=first_epoch,
        first_step=first_step,
        crop_padding=1,
        flip=True,
    )


def baseline(learning_rate=0.05):
    # Small, because every test here traces it, some of them three times.
    network = teachers.resnet(CLASSES, SHAPE, widths=(5,), blocks=(1,), seed=1)
    settings = {"attack": "pgd", "attack_steps": 1, "attack_step_size": 1.0, "beta": 6.0}
    model = ClassifierModel(network, hardening_of(settings, ThreatModel(0.05), seed=0))
    model.compile(CoupledSGD(learning_rate, 0.9, 1e-4))
    return model


def run(model, folder, epochs, callbacks=(), batches=stream):
    folder.mkdir(exist_ok=True)
    plan = Plan(
        stage="train",
        section="train",
        epochs=epochs,
        folder=folder,
        stream=Stream(batches, STEPS),
        validation=evaluation_batches(examples(), 8),
    )
    return fit(model, plan, callbacks)


class _Stop(keras.callbacks.Callback):
    """Ends the run in the middle of an epoch, as a kill would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.now = epoch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def new_model(new_search_model):
    return functools.partial(new_search_model, space=ONE_BLOCK)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, new_model):
    """An uninterrupted search of three epochs: (model, history, folder)."""
    model, folder = new_model(), tmp_path_factory.mktemp("whole")
    return model, run(model, folder, epochs=3, callbacks=[TemperatureAnnealing(3)]), folder


@pytest.fixture(scope="module")
def whole_attacked(tmp_path_factory):
    """An uninterrupted training under attack of three epochs: (model, history, folder)."""
    model, folder = baseline(), tmp_path_factory.mktemp("whole_attacked")
    return model, run(model, folder, epochs=3), folder


def test_a_resumed_run_ends_like_one_never_interrupted(tmp_path, whole_attacked):
    whole, history, _ = whole_attacked
    with pytest.raises(KeyboardInterrupt):
        run(baseline(), tmp_path, epochs=3, callbacks=[_Stop(epoch=2)])
    resumed = baseline()
    again = run(resumed, tmp_path, epochs=3)
    assert [row["epoch"] for row in again] == [0, 1, 2]
    for ours, theirs in zip(whole.classifier.variables, resumed.classifier.variables, strict=True):
        # Threads may add float32 gradients in another order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5, err_msg=ours.path)
    for ours, theirs in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4, err_msg=ours.path)
    assert history[-1]["loss"] == pytest.approx(again[-1]["loss"], rel=1e-3)


def test_the_search_resumes_with_both_optimizers_and_its_noise(tmp_path, whole, new_model):
    def searched(*callbacks):
        model = new_model()
        return model, run(
            model, tmp_path, epochs=3, callbacks=[TemperatureAnnealing(3), *callbacks]
        )

    whole, history, _ = whole
    with pytest.raises(KeyboardInterrupt):
        searched(_Stop(epoch=1))
    resumed, again = searched()
    assert [row["temperature"] for row in again] == [row["temperature"] for row in history]
    for ours, theirs in zip(
        whole.architecture_variables, resumed.architecture_variables, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4, err_msg=ours.path)
    states = [
        [v.numpy() for v in model.variables if "seed_generator" in v.path]
        for model in (whole, resumed)
    ]
    assert len(states[0]) == 1 + 1
    np.testing.assert_array_equal(*states)


class _Signal(keras.callbacks.Callback):
    """Sends SIGTERM after a batch of the second epoch, of the training or of its validation."""

    def __init__(self, kind, batch):
        super().__init__()
        self.kind, self.batch, self.epoch = kind, batch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.send("train", batch)

    def on_test_batch_end(self, batch, logs=None):
        self.send("validation", batch)

    def send(self, kind, batch):
        if (kind, batch, self.epoch) == (self.kind, self.batch, 1):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("training", "kind", "batch", "position"),
    [
        ("search", "train", 0, "00001_00001"),
        ("search", "train", STEPS - 1, "00001_00002"),
        ("search", "validation", 0, "00001_00002"),
        ("attacked", "train", STEPS - 1, "00001_00002"),
        ("attacked", "validation", 0, "00001_00002"),
    ],
)
def test_a_signal_ends_it_after_any_batch_and_it_goes_on_there(
    training, kind, batch, position, tmp_path, new_model, request
):
    attacked = training == "attacked"
    new, always = (baseline, []) if attacked else (new_model, [TemperatureAnnealing(3)])
    with pytest.raises(StoppedError) as stopped, stop_signals():
        run(new(), tmp_path, epochs=3, callbacks=[*always, _Signal(kind, batch)])
    assert stopped.value.number == signal.SIGTERM
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir())[-1] == position

    resumed = new()
    history = run(resumed, tmp_path, epochs=3, callbacks=always)
    uninterrupted, wanted, _ = request.getfixturevalue("whole_attacked" if attacked else "whole")
    assert [row.keys() for row in history] == [row.keys() for row in wanted]
    if attacked:  # the resumed validation has drawn what the interrupted one did
        np.testing.assert_array_equal(
            resumed.start_seeds.state.numpy(), uninterrupted.start_seeds.state.numpy()
        )
    for ours, theirs in zip(history, wanted, strict=True):
        assert ours | {"seconds": 0} == pytest.approx(theirs | {"seconds": 0}, rel=1e-3, abs=1e-5)
    for ours, theirs in zip(resumed.variables, uninterrupted.variables, strict=True):
        # Threads may add float32 gradients in another order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4, err_msg=ours.path)


def test_a_finished_training_is_not_trained_again(whole_attacked, caplog):
    first, history, folder = whole_attacked
    second = baseline()
    with caplog.at_level(logging.INFO, logger="absl"):
        assert run(second, folder, epochs=3) == history
    assert "train: all 3 epochs have been trained" in caplog.text
    assert "resuming" not in caplog.text
    for ours, theirs in zip(first.classifier.variables, second.classifier.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_logs_are_written_for_people_and_tools(whole_attacked):
    _, history, folder = whole_attacked
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[1]["loss"]) == history[1]["loss"]
    assert {"seconds", "loss", "cross_entropy", "accuracy", "val_robust_accuracy"} <= rows[0].keys()
    tags = set()
    for path in (folder / "tensorboard").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {value.tag for value in event.summary.value}
    assert {"epoch_loss", "epoch_cross_entropy", "epoch_accuracy"} <= tags


def with_nan_from(epoch):
    def batches(first_epoch, first_step):
        def spoil(step, batch):
            spoilt = step >= (epoch - first_epoch) * STEPS
            factor = tf.where(spoilt, np.float32(np.nan), np.float32(1))
            return {**batch, "image": batch["image"] * factor}

        return stream(first_epoch, first_step).enumerate().map(spoil)

    return batches


def test_nan_stops_names_the_term_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(
        TrainingDivergedError, match="term cross_entropy became nan at epoch 2"
    ) as e:
        run(baseline(), tmp_path, epochs=3, batches=with_nan_from(epoch=1))
    assert "00001_00000" in str(e.value)
    assert "--config.train.learning_rate" in str(e.value)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    assert kept.name == "00001_00000"
    kept = str(kept / "state")
    for name, _ in tf.train.list_variables(kept):
        value = tf.train.load_variable(kept, name)
        if isinstance(value, np.ndarray) and value.dtype == np.float32:
            assert np.isfinite(value).all(), name
    history = run(baseline(), tmp_path, epochs=2)
    assert [row["epoch"] for row in history] == [0, 1]


def test_nan_in_the_first_epoch_says_that_nothing_was_kept(tmp_path):
    with pytest.raises(TrainingDivergedError, match="no epoch had ended yet"):
        run(baseline(), tmp_path, epochs=1, batches=with_nan_from(epoch=0))


class _Settings:
    def __init__(self, epochs, momentum=None):
        self.epochs, self.batch_norm_momentum = epochs, momentum


def test_short_runs_get_a_faster_batch_norm_momentum():
    assert batch_norm_momentum(_Settings(epochs=100), steps_per_epoch=390) == 0.997
    assert batch_norm_momentum(_Settings(epochs=19), steps_per_epoch=100) == 0.9
    assert batch_norm_momentum(_Settings(epochs=20), steps_per_epoch=100) == 0.997
    assert batch_norm_momentum(_Settings(epochs=1, momentum=0.99), steps_per_epoch=1) == 0.99
