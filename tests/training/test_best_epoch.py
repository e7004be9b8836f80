"""Early stopping on validation accuracy: which epoch is kept, when training ends, and a resume."""

import keras
import numpy as np
import pytest

from rnascl_tf.training.best_epoch import BestEpoch


@pytest.fixture
def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])


def play(network, path, accuracies, patience, best=None, first_epoch=0):
    """Runs the callback through epochs whose network has its epoch's number as bias."""
    best = keras.Variable([-1.0, -1.0], trainable=False) if best is None else best
    callback = BestEpoch(network, path, patience, best)
    model = keras.Model()
    callback.set_model(model)
    epoch = first_epoch
    for epoch, accuracy in enumerate(accuracies, start=first_epoch):
        network.get_layer("only").bias.assign([epoch])
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_cross_entropy": 1.0})
        if getattr(model, "stop_training", False):
            break
    return epoch, best


def kept(path):
    return float(keras.models.load_model(path).get_layer("only").bias.numpy()[0])


def test_keeps_the_first_of_equal_best_epochs_and_ends_after_patience(network, tmp_path):
    path = tmp_path / "best.keras"
    last, best = play(network, path, [0.1, 0.5, 0.3, 0.5, 0.4, 0.9], patience=3)
    assert last == 4  # epochs 2, 3 and 4 were no better than epoch 1; the 0.9 is never seen
    assert kept(path) == 1
    np.testing.assert_allclose(best.numpy(), [0.5, 1])


def test_a_later_best_starts_the_count_again(network, tmp_path):
    last, best = play(network, tmp_path / "best.keras", [0.1, 0.0, 0.2, 0.1, 0.1], patience=2)
    assert last == 4
    np.testing.assert_allclose(best.numpy(), [0.2, 2])


def test_zero_accuracy_is_a_best_too(network, tmp_path):
    play(network, tmp_path / "best.keras", [0.0], patience=5)
    assert kept(tmp_path / "best.keras") == 0


def test_a_resumed_training_knows_the_best_before(network, tmp_path):
    path = tmp_path / "best.keras"
    _, best = play(network, path, [0.2, 0.7, 0.1], patience=4)
    last, _ = play(network, path, [0.6, 0.5, 0.4], patience=4, best=best, first_epoch=3)
    assert last == 5
    assert kept(path) == 1
