"""Early stopping on validation accuracy: which epoch is kept, when training ends, and a resume."""

import keras
import numpy as np
import pytest

from rnascl_tf.layers import PointwiseConvolution
from rnascl_tf.training.adversarial.best_epoch import BestEpoch
from rnascl_tf.training.loop.checkpoints import KEPT, CheckpointError


@pytest.fixture
def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])


def play(network, folder, accuracies, patience, best=None, first_epoch=0):
    """Runs the callback through epochs whose network has its epoch's number as bias."""
    best = keras.Variable([-1.0, -1.0], trainable=False) if best is None else best
    callback = BestEpoch(network, folder, best, patience)
    model = keras.Model()
    callback.set_model(model)
    epoch = first_epoch
    for epoch, accuracy in enumerate(accuracies, start=first_epoch):
        network.get_layer("only").bias.assign([epoch])
        callback.on_epoch_end(epoch, {"val_robust_accuracy": accuracy, "val_accuracy": 0.6})
        if getattr(model, "stop_training", False):
            break
    return epoch, best


def kept(network, folder, best):
    """The bias, an epoch's number, that the best file brings back; and that epoch's number."""
    network.get_layer("only").bias.assign([99])
    _, epoch = BestEpoch(network, folder, best).restore(folder / "none.keras")
    return float(network.get_layer("only").bias.numpy()[0]), epoch


def test_keeps_the_first_of_equal_best_epochs_and_ends_after_patience(network, tmp_path):
    last, best = play(network, tmp_path, [0.1, 0.5, 0.3, 0.5, 0.4, 0.9], patience=3)
    assert last == 4  # epochs 2, 3 and 4 were no better than epoch 1; the 0.9 is never seen
    assert kept(network, tmp_path, best) == (1, 1)
    np.testing.assert_allclose(best.numpy(), [0.5, 1])


def test_without_patience_training_goes_on_and_the_best_is_kept(network, tmp_path):
    last, best = play(network, tmp_path, [0.1, 0.5, *[0.3] * 20], patience=None)
    assert last == 21
    assert kept(network, tmp_path, best) == (1, 1)


def test_a_later_best_starts_the_count_again(network, tmp_path):
    last, best = play(network, tmp_path, [0.1, 0.0, 0.2, 0.1, 0.1], patience=2)
    assert last == 4
    np.testing.assert_allclose(best.numpy(), [0.2, 2])


def test_zero_accuracy_is_a_best_too(network, tmp_path):
    _, best = play(network, tmp_path, [0.0], patience=5)
    assert kept(network, tmp_path, best) == (0, 0)


def test_a_resumed_training_knows_the_best_before(network, tmp_path):
    _, best = play(network, tmp_path, [0.2, 0.7, 0.1], patience=4)
    last, _ = play(network, tmp_path, [0.6, 0.5, 0.4], patience=4, best=best, first_epoch=3)
    assert last == 5
    assert kept(network, tmp_path, best) == (1, 1)


@pytest.mark.parametrize("damaged", range(KEPT))
def test_every_kept_checkpoint_finds_the_file_that_it_names(damaged, network, tmp_path):
    """Also after a kill before the next one, and where every epoch is better than all before."""
    best, checkpoints, epochs = None, [], 12  # two digits: by number, and not by name
    for epoch in range(epochs):
        _, best = play(network, tmp_path, [0.01 * epoch], 4, best, first_epoch=epoch)
        checkpoints.append(best.numpy())
    del checkpoints[-1]
    best.assign(checkpoints[-1 - damaged])
    assert kept(network, tmp_path, best) == (epochs - 2 - damaged,) * 2
    assert len(list(tmp_path.glob("best_*.keras"))) == KEPT + 1, "and no older ones"


def test_a_best_epoch_whose_file_is_gone_is_named(network, tmp_path):
    best = keras.Variable([0.5, 3], trainable=False)
    with pytest.raises(CheckpointError, match=r"best_3\.keras.*student\.keras.* --overwrite"):
        BestEpoch(network, tmp_path, best).restore(tmp_path / "student.keras")


def test_a_file_of_a_version_with_another_class_of_layer_is_read(network, tmp_path):
    """As students' 1x1 convolutions were Keras' own before they were `PointwiseConvolution`."""

    def convolved(layer_class, seed):
        layer = layer_class(5, 1, kernel_initializer=keras.initializers.GlorotUniform(seed))
        return keras.Sequential([keras.Input((3, 2, 7)), layer])

    old, new = convolved(keras.layers.Conv2D, 1), convolved(PointwiseConvolution, 2)
    old.save(tmp_path / "best_0.keras")
    BestEpoch(new, tmp_path, keras.Variable([0.5, 0], trainable=False)).restore(tmp_path / "none")
    for found, wanted in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_best_epoch_whose_file_is_damaged_is_named(network, tmp_path):
    _, best = play(network, tmp_path, [0.2], patience=None)
    path = tmp_path / "best_0.keras"
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"\0" * len(content)):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"best_0\.keras.* is damaged .*--overwrite") as e:
            BestEpoch(network, tmp_path, best).restore(tmp_path / "student.keras")
        assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("best", "epochs_done", "ended"),
    [((-1, -1), 0, False), ((0.5, 1), 4, False), ((0.5, 1), 5, True), ((0.5, 4), 5, False)],
)
def test_whether_a_resumed_training_has_ended(network, tmp_path, best, epochs_done, ended):
    callback = BestEpoch(network, tmp_path, keras.Variable(best, trainable=False), 3)
    assert callback.ended(epochs_done) is ended
