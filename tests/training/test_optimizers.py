"""CoupledSGD against PyTorch's arithmetic by hand; schedules drop at the right step."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from rnascl_tf.training import (
    CoupledSGD,
    architecture_optimizer,
    learning_rate_schedule,
    weight_optimizer,
)


def test_three_steps_are_pytorchs_written_out_by_hand():
    """The rate drops between the second and the third step, where Keras' own velocity differs."""
    momentum, l2 = 0.9, 0.01
    value = np.array([0.5, -2.0, 3.0])
    gradients = [np.array([0.1, 0.2, -0.3]), np.array([-0.4, 0.5, 0.6]), np.array([0.7, 0.0, 0.1])]
    rates = [0.1, 0.1, 0.01]

    variable = keras.Variable(value, dtype="float32")
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.01])
    optimizer = CoupledSGD(schedule, momentum=momentum, l2=l2)
    buffer = np.zeros(3)
    for gradient, rate in zip(gradients, rates, strict=True):
        buffer = momentum * buffer + (gradient + l2 * value)
        value = value - rate * buffer
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
        np.testing.assert_allclose(variable, value, rtol=1e-6)


def test_l2_pulls_every_variable_without_a_gradient():
    variable = keras.Variable(np.ones(2), dtype="float32")
    optimizer = CoupledSGD(0.5, momentum=0.0, l2=0.1)
    optimizer.apply([keras.ops.zeros(2)], [variable])
    np.testing.assert_allclose(variable, 1 - 0.5 * 0.1, rtol=1e-6)


def test_config_round_trip():
    optimizer = CoupledSGD.from_config(CoupledSGD(0.3, momentum=0.7, l2=0.2).get_config())
    assert optimizer.l2 == 0.2
    assert optimizer.momentum == 0.7


def settings(**changes):
    values = dict(learning_rate=0.1, schedule="step", epochs=100, momentum=0.9, l2=2e-4)
    return SimpleNamespace(**values | changes)


def test_step_schedule_drops_at_the_first_step_of_epochs_75_and_90():
    schedule = learning_rate_schedule(settings(), steps_per_epoch=7)
    rates = [float(schedule(step)) for step in (0, 75 * 7 - 1, 75 * 7, 90 * 7 - 1, 90 * 7, 700)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rtol=1e-6)


def test_step_schedule_scales_with_the_epochs():
    schedule = learning_rate_schedule(settings(epochs=20), steps_per_epoch=3)
    rates = [float(schedule(step)) for step in (15 * 3 - 1, 15 * 3, 18 * 3 - 1, 18 * 3)]
    np.testing.assert_allclose(rates, [0.1, 0.01, 0.01, 0.001], rtol=1e-6)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_step_schedule_of_the_shortest_runs_starts_at_the_full_rate(epochs):
    schedule = learning_rate_schedule(settings(epochs=epochs), steps_per_epoch=11)
    assert float(schedule(0)) == pytest.approx(0.1)


def test_cosine_schedule_ends_at_zero():
    schedule = learning_rate_schedule(settings(schedule="cosine", epochs=4), steps_per_epoch=5)
    rates = [float(schedule(step)) for step in (0, 10, 20)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.0], atol=1e-8)


def test_refuses_unknown_schedule():
    with pytest.raises(ValueError, match="'linear': give step or cosine"):
        learning_rate_schedule(settings(schedule="linear"), 5)


def test_weight_optimizer_takes_momentum_and_l2_from_the_settings():
    optimizer = weight_optimizer(settings(momentum=0.8, l2=0.3), 5)
    assert (optimizer.momentum, optimizer.l2) == (0.8, 0.3)


def test_architecture_parameters_feel_no_l2():
    variable = keras.Variable(np.ones(2), dtype="float32")
    architecture_optimizer(0.1).apply([keras.ops.zeros(2)], [variable])
    np.testing.assert_array_equal(variable, [1.0, 1.0])
