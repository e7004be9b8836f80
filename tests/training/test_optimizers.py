"""CoupledSGD against PyTorch's arithmetic by hand; schedules drop at the right step."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rnascl_tf.layers import BatchNormalization
from rnascl_tf.training import (
    CoupledSGD,
    architecture_optimizer,
    learning_rate_schedule,
    weight_optimizer,
)


def test_two_steps_at_the_papers_values_written_out_in_numbers():
    """Learning rate 0.1, momentum 0.9, L2 2e-4, as PyTorch 2 prints them for these two weights.

    Step 1: d = (0.3 + 2e-4 * 2, -0.5 + 2e-4 * -1); buffer = d; w = (2, -1) - 0.1 buffer.
    Step 2: d = (-0.2 + 2e-4 * 1.96996, 0.4 + 2e-4 * -0.94998);
    buffer = 0.9 (0.3004, -0.5002) + d; w = w - 0.1 buffer.
    """
    variable = keras.Variable([2.0, -1.0], dtype="float32")
    optimizer = weight_optimizer(settings(), steps_per_epoch=391)
    optimizer.apply([keras.ops.convert_to_tensor([0.3, -0.5])], [variable])
    np.testing.assert_allclose(variable, [1.96996, -0.94998], rtol=2e-7)
    optimizer.apply([keras.ops.convert_to_tensor([-0.2, 0.4])], [variable])
    np.testing.assert_allclose(variable, [1.9628846008, -0.9449430004], rtol=2e-7)


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


def test_l2_reaches_kernels_biases_and_batch_norm_and_no_statistic():
    """A loss without a gradient leaves the L2 term alone: every weight shrinks by rate * l2."""
    inputs = keras.Input((5, 7, 3))
    features = keras.layers.Conv2D(2, 1, bias_initializer="ones")(inputs)
    norm = BatchNormalization(beta_initializer="ones")
    model = keras.Model(inputs, norm(features))
    before = [variable.numpy() for variable in model.trainable_variables]
    assert len(before) == 4
    with tf.GradientTape() as tape:
        loss = 0.0 * tf.reduce_sum(model(np.ones((2, 5, 7, 3), "float32")))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    CoupledSGD(0.1, momentum=0.9, l2=0.25).apply(gradients, variables)
    for old, new in zip(before, variables, strict=True):
        np.testing.assert_allclose(new, old * (1 - 0.1 * 0.25), rtol=1e-6, err_msg=new.path)
    np.testing.assert_array_equal(norm.moving_variance, [1.0, 1.0])


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


def test_short_runs_drop_within_an_epoch():
    """5 epochs of 3 steps: 75% is 11.25 steps, 90% is 13.5, so steps 12 and 14 are the first."""
    schedule = learning_rate_schedule(settings(epochs=5), steps_per_epoch=3)
    rates = [float(schedule(step)) for step in (0, 11, 12, 13, 14)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001], rtol=1e-6)


@given(epochs=st.integers(1, 300), steps=st.integers(1, 1000))
@hypothesis_settings(max_examples=50)
def test_step_schedule_drops_where_75_and_90_percent_are_done(epochs, steps):
    schedule = learning_rate_schedule(settings(epochs=epochs), steps)
    total = epochs * steps
    probed = {0, *(round(total * part) + shift for part in (0.75, 0.9) for shift in (-1, 0, 1))}
    for step in probed - {-1}:
        drops = (100 * step >= 75 * total) + (100 * step >= 90 * total)
        # A first step always has the full rate: a run of one step would have no other.
        assert float(schedule(step)) == pytest.approx(0.1 * 0.1**drops), step


def test_cosine_schedule_ends_at_zero():
    schedule = learning_rate_schedule(settings(schedule="cosine", epochs=4), steps_per_epoch=5)
    rates = [float(schedule(step)) for step in (0, 10, 20)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.0], atol=1e-8)


def test_warmup_cosine_rises_for_a_fifth_and_falls_to_zero():
    """3 epochs of 7 steps: it rises for 4 of the 21 and falls over the other 17."""
    schedule = learning_rate_schedule(settings(schedule="warmup_cosine", epochs=3), 7)
    rates = [float(schedule(step)) for step in (0, 1, 3, 4, 5, 12, 21)]
    falling = [0.05 * (1 + math.cos(math.pi * step / 17)) for step in (0, 1, 8, 17)]
    np.testing.assert_allclose(rates, [0.004, 0.028, 0.076, *falling], atol=1e-8)


@pytest.mark.parametrize("steps", [1, 4])
def test_warmup_cosine_of_few_steps_does_not_rise(steps):
    schedule = learning_rate_schedule(settings(schedule="warmup_cosine", epochs=1), steps)
    assert float(schedule(0)) == pytest.approx(0.1)


def test_cosine_schedule_of_imagenet100_is_pytorchs_at_every_epoch():
    """0.05 (1 + cos(pi epoch / 200)) / 2, and 0 after the last; 491 steps of 256 images each."""
    schedule = learning_rate_schedule(
        settings(schedule="cosine", epochs=200, learning_rate=0.05), steps_per_epoch=491
    )
    for epoch in (0, 1, 50, 100, 173, 199, 200):
        expected = 0.05 * (1 + math.cos(math.pi * epoch / 200)) / 2
        # float32 cosine near -1 loses up to 1e-7 of the 0.05.
        assert float(schedule(epoch * 491)) == pytest.approx(expected, abs=1e-8), epoch


def test_refuses_unknown_schedule():
    with pytest.raises(ValueError, match="'linear': give step, cosine or warmup_cosine"):
        learning_rate_schedule(settings(schedule="linear"), 5)


def test_weight_optimizer_takes_momentum_and_l2_from_the_settings():
    optimizer = weight_optimizer(settings(momentum=0.8, l2=0.3), 5)
    assert (optimizer.momentum, optimizer.l2) == (0.8, 0.3)


def test_architecture_parameters_feel_no_l2():
    variable = keras.Variable(np.ones(2), dtype="float32")
    architecture_optimizer(0.1).apply([keras.ops.zeros(2)], [variable])
    np.testing.assert_array_equal(variable, [1.0, 1.0])


def test_architecture_optimizer_is_adam_by_hand():
    """At gradients of 1e-5 it moves by about its rate, where SGD would move by 1e-7; no decay."""
    value, first, second = np.array([0.0, 1.0]), np.zeros(2), np.zeros(2)
    variable = keras.Variable(value, dtype="float32")
    optimizer = architecture_optimizer(0.01)
    for step, gradient in enumerate([np.array([1e-5, -3e-5]), np.array([2e-5, 1e-5])], start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        value = value - rate * first / (np.sqrt(second) + 1e-7)
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
        # 1 - 0.999 ** step in float32 is good to 1e-4 of a step of 0.01.
        np.testing.assert_allclose(variable, value, atol=2e-6)
    assert np.abs(value - [0.0, 1.0]).min() > 1e-3
    assert not optimizer.weight_decay
