"""The averaged network's part of the labels: none before its start, the largest in the last epoch."""

import keras
import numpy as np
import pytest

from rnascl_tf.training import SelfDistillation


@pytest.mark.parametrize(
    ("start", "epochs", "parts"),
    [
        (0.5, 7, [0, 0, 0, 0, 0.1, 0.2, 0.3]),
        (0.0, 3, [0.1, 0.2, 0.3]),
        (0.9, 5, [0, 0, 0, 0, 0.3]),
    ],
)
def test_the_part_grows_to_its_largest(start, epochs, parts):
    own_part = keras.Variable(9.0)
    callback = SelfDistillation(own_part, 0.3, start, epochs)
    found = []
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        found.append(float(own_part))
    np.testing.assert_allclose(found, parts, rtol=1e-6)


def test_a_start_after_the_last_epoch_is_the_last_epoch():
    assert SelfDistillation(keras.Variable(0.0), 0.3, 0.999, 2).part(1) == pytest.approx(0.3)
