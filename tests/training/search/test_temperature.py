"""tau's schedule, and the callback that applies it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.training import TemperatureAnnealing, temperature_at


def test_the_papers_hundred_epochs():
    assert temperature_at(0, 100) == 5.0
    assert temperature_at(1, 100) == pytest.approx(5 * 2.718281828**-0.045)
    assert temperature_at(100, 100) == pytest.approx(0.0555, abs=5e-5)


def test_scales_with_the_epochs():
    assert temperature_at(3, 10) == pytest.approx(temperature_at(30, 100))


def test_is_multiplied_by_the_papers_factor_each_epoch():
    temperature = 5.0
    for epoch in range(100):
        assert temperature_at(epoch, 100) == pytest.approx(temperature, rel=1e-12)
        temperature *= np.exp(-0.045)


class Recorder(keras.Model):
    """Stands for the search model: keeps the temperatures that it is told."""

    def __init__(self):
        super().__init__()
        self.built = True
        self.seen = []

    def set_temperature(self, value):
        self.seen.append(value)

    def train_step(self, batch):
        return {"loss": tf.reduce_sum(batch)}


@pytest.mark.parametrize("first_epoch", [0, 3])
def test_every_epoch_starts_at_its_temperature_also_after_a_resume(first_epoch):
    model = Recorder()
    model.compile(jit_compile=False)
    annealing = TemperatureAnnealing(epochs=7)
    images = np.zeros((2, 1), "float32")
    model.fit(images, initial_epoch=first_epoch, epochs=5, verbose=0, callbacks=[annealing])
    assert model.seen == [temperature_at(epoch, 7) for epoch in range(first_epoch, 5)]
