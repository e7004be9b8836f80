"""The cost models by name, and the pull towards a target."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, TargetError
from rnascl_tf.objectives import (
    COST_MODELS,
    AuthorsCost,
    ExpectedMacs,
    Free,
    Steered,
    cost_model,
)

OF_MACS = ["macs", "authors", "none"]
S3 = SearchProblem(SEARCH_SPACES["S3"], 10, (32, 32, 3))


@pytest.mark.parametrize(
    ("name", "kind"), [("macs", ExpectedMacs), ("authors", AuthorsCost), ("none", Free)]
)
def test_names(name, kind, tiny):
    assert type(cost_model(name, tiny.problem)) is kind
    assert list(COST_MODELS) == [*OF_MACS, "latency"]


def test_every_model_reports_the_same_expected_macs(tiny):
    macs = tiny.macs(*tiny.expected_widths)
    for name in OF_MACS:
        for target in (None, round(macs * 1.1)):
            price = cost_model(name, tiny.problem, target=target)(tiny.fixed_gates)
            assert float(price.expected_macs) == pytest.approx(macs, rel=1e-6)
            assert price.factor.dtype == price.expected_macs.dtype == tf.float32
            assert price.factor.shape == price.expected_macs.shape == ()


@pytest.mark.parametrize("name", OF_MACS)
@pytest.mark.parametrize("relative", [0.9, 1.1])
def test_steering_multiplies_by_one_plus_the_distance(name, relative, tiny):
    macs = tiny.macs(*tiny.expected_widths)
    plain = cost_model(name, tiny.problem)(tiny.fixed_gates).factor
    steered = Steered(cost_model(name, tiny.problem), macs * relative, strength=2.0)
    factor = steered(tiny.fixed_gates).factor
    assert float(factor / plain) == pytest.approx(1 + 2 * abs(np.log(relative)), rel=1e-5)


@pytest.mark.parametrize("target", [230_000, 260_000])
def test_steered_gradients_in_the_gumbel_parameters_are_the_differences(target, tiny, check_slopes):
    """From above the target and from below; the parameters' own price is 244,175."""
    reference = np.log(tiny.macs(8, 8, 14))

    def by_hand(*widths):
        macs = np.log(tiny.macs(*widths))
        return macs / reference * (1 + abs(macs - np.log(target)))

    check_slopes(cost_model("macs", tiny.problem, target=target), by_hand)


@pytest.mark.parametrize("name", OF_MACS)
@pytest.mark.parametrize("part", [0.15, 0.85])
def test_the_gumbel_parameters_settle_at_the_target(name, part, tiny):
    """With the search's optimizer and a task that says nothing; from either side of the target."""
    low, high = tiny.macs(4, 4, 6), tiny.macs(8, 8, 14)
    target = round(low + part * (high - low))
    cost = cost_model(name, tiny.problem, target=target)
    variables = [keras.Variable(np.zeros(len(row)), dtype="float32") for row in tiny.parameters]
    optimizer = keras.optimizers.Adam(0.03)
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            price = cost(tiny.gates([tf.convert_to_tensor(v) for v in variables], 1.0))
        gradients = tape.gradient(price.factor, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return price.expected_macs

    reached = [float(step()) for _ in range(200)][-1]
    # A kink is met in steps of the learning rate, and never exactly.
    assert reached == pytest.approx(target, rel=0.02)


def test_refusals(tiny):
    with pytest.raises(ValueError, match="unknown cost model 'flops': give one of macs, authors"):
        cost_model("flops", tiny.problem)
    with pytest.raises(TargetError, match="4,743,304 MACs to 7,874,176 MACs"):
        cost_model("none", S3, target=8_000_000)
    with pytest.raises(ValueError, match="belongs to 'latency'"):
        cost_model("latency", S3)
