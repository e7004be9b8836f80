"""The averaged twin against a NumPy float64 recurrence, and what it must leave alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.training.adversarial.weight_average import WeightAverage

SHAPE, CLASSES, STEPS = (9, 7, 3), 5, 13


@pytest.fixture
def network():
    return teachers.resnet(CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1)


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_follows_the_recurrence_for_weights_and_statistics(decay, network):
    generator = np.random.default_rng(7)
    average = WeightAverage(network, decay)
    update = tf.function(average.update)
    expected = [variable.numpy().astype(np.float64) for variable in network.variables]
    for step in range(1, STEPS + 1):
        for variable in network.variables:
            variable.assign_add(generator.normal(size=variable.shape).astype("float32"))
        update()
        decay_now = min(decay, (1 + step) / (10 + step))
        expected = [
            decay_now * old + (1 - decay_now) * variable.numpy().astype(np.float64)
            for old, variable in zip(expected, network.variables, strict=True)
        ]
    assert len(expected) > len(network.trainable_variables)  # statistics are among them
    for found, wanted in zip(average.model.variables, expected, strict=True):
        # Thirteen float32 updates of numbers of size 10.
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_starts_as_the_model_and_is_a_model_of_its_own(network):
    average = WeightAverage(network, 0.9)
    images = np.random.default_rng(0).random((2, *SHAPE), dtype="float32")
    np.testing.assert_array_equal(average.model(images), network(images))
    network.trainable_variables[0].assign_add(tf.ones_like(network.trainable_variables[0]))
    assert not np.array_equal(average.model(images), network(images))


def test_the_twin_saves_and_loads_as_any_network(network, tmp_path):
    average = WeightAverage(network, 0.9)
    average.model.save(tmp_path / "network.keras")
    images = np.random.default_rng(0).random((2, *SHAPE), dtype="float32")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(images), average.model(images))
    # A fine-tuning of the file goes on from there.
    assert len(loaded.trainable_variables) == len(network.trainable_variables) > 0
