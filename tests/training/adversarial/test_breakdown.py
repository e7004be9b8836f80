"""Catastrophic overfitting is told from robust overfitting and a slow start, once, also resumed."""

import logging

import keras
import pytest

from rnascl_tf.files import write_csv
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import BreakdownWarning, TrainingAttack

# (accuracy on the training's own attacked images, accuracy under PGD-10)
BREAKDOWN = [(0.2, 0.1), (0.3, 0.25), (0.35, 0.27), (0.6, 0.02), (0.8, 0.0)]


def watcher(folder, remedy=None, averaged=False):
    seeds = keras.random.SeedGenerator(0)
    attack = TrainingAttack("n_fgsm", ThreatModel(0.1), seeds)
    judge = TrainingAttack("pgd", ThreatModel(0.1), seeds, 13)
    history = folder / "history.csv"
    return BreakdownWarning("train", attack, judge, history, remedy, averaged=averaged)


def play(callback, epochs, first_epoch=0):
    callback.on_train_begin()
    for epoch, (own, robust) in enumerate(epochs, start=first_epoch):
        callback.on_epoch_end(epoch, {"accuracy": own, "val_robust_accuracy": robust, "loss": 1.0})


def warned(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_breakdown_is_told_once_with_its_numbers(tmp_path, caplog):
    play(watcher(tmp_path), BREAKDOWN)
    (message,) = warned(caplog)
    assert "from epoch 3 to 4" in message
    assert "on training images under its own n_fgsm rose from 35.0% to 60.0%" in message
    assert "that on validation images under PGD-13 fell from 27.0% to 2.0%" in message
    assert "epoch 3 is kept" in message


def test_whose_accuracy_fell_is_said_where_there_are_two_networks(tmp_path, caplog):
    play(watcher(tmp_path, averaged=True), BREAKDOWN)
    assert "that of the averaged network on validation images under PGD-13 fell" in caplog.text


def test_where_the_best_epoch_is_lost_the_message_says_how_to_keep_it(tmp_path, caplog):
    play(watcher(tmp_path, "--config.train.keep_best=true"), BREAKDOWN)
    assert "give --config.train.keep_best=true to keep epoch 3" in warned(caplog)[0]


@pytest.mark.parametrize(
    "epochs",
    [
        [(0.2, 0.1), (0.3, 0.2), (0.4, 0.3)],
        # Robust overfitting: a tenth is lost while the training's own accuracy rises.
        [(0.4, 0.3), (0.7, 0.27), (0.9, 0.25)],
        # Both fall: the training diverges or its rate is too high, and its own attack says so too.
        [(0.4, 0.3), (0.1, 0.1)],
        # One epoch says nothing.
        [(0.9, 0.0)],
    ],
)
def test_other_trainings_are_left_in_peace(epochs, tmp_path, caplog):
    play(watcher(tmp_path), epochs)
    assert warned(caplog) == []


@pytest.mark.parametrize(("done", "messages"), [(3, 1), (4, 0)])
def test_a_resumed_training_knows_the_epochs_before(done, messages, tmp_path, caplog):
    history = tmp_path / "history.csv"
    names = ("accuracy", "val_robust_accuracy")
    rows = [dict(zip(names, row, strict=True)) for row in BREAKDOWN[:done]]
    write_csv(history, [{"epoch": epoch} | row for epoch, row in enumerate(rows)])
    play(watcher(tmp_path), BREAKDOWN[done:], first_epoch=done)
    assert len(warned(caplog)) == messages
