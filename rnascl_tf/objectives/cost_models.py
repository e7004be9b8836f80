"""The cost models by the names of `search.cost`, steered to a target if there is one."""

import math
from collections.abc import Callable

import tensorflow as tf

from rnascl_tf.networks import Budget, LatencyBudget, LatencyTable, MacsBudget, SearchProblem
from rnascl_tf.objectives.authors_cost import AuthorsCost
from rnascl_tf.objectives.cost import CostModel, ExpectedMacs, Free, Gates, Price
from rnascl_tf.objectives.latency_cost import ExpectedLatency

LATENCY = "latency"
_OF_MACS: dict[str, Callable[[SearchProblem], CostModel]] = {
    "macs": ExpectedMacs,
    "authors": AuthorsCost,
    "none": Free,
}

COST_MODELS = (*_OF_MACS, LATENCY)
"""Values of `search.cost`."""

STEERING = 1.0
"""s of `Steered`. Measured on S3 and the digits after 220 steps: at a target one fifth up the range the
sampled MACs came to 1.00 of it (1.15 without), nine tenths up to 0.92. At s = 10 the latter came to
0.96, but a pull ten times the task's would decide the filters by cost alone."""


class Steered:
    """Another model's price, times 1 + s |ln(expected cost / target)|.

    Away from the target every loss is larger, above it as below. The slope, s per relative change of
    cost, does not flatten near the target, and n_f's own (1 / ln(reference), 0.06 on S3) cannot hold
    against it. So the probabilities gather around the target. The student itself is then decided by
    `rnascl_tf.networks.Budget.decode`: no pull on an expectation can promise that the most probable
    filters meet the target (in that measurement they were off by 10%).

    Args:
        cost: the cost model.
        target: wanted cost in the model's unit: multiply-adds for one image, or milliseconds.
        strength: s.
    """

    def __init__(self, cost: CostModel, target: float, strength: float = STEERING) -> None:
        self._cost = cost
        self.unit = cost.unit
        self.target = target
        self.strength = strength

    def __call__(self, gates: Gates) -> Price:
        """Returns the `Price`; `factor` is n_f with the pull."""
        price = self._cost(gates)
        distance = tf.abs(tf.math.log(price.expected_cost) - math.log(self.target))
        return price._replace(factor=price.factor * (1.0 + self.strength * distance))


def cost_model(
    name: str,
    problem: SearchProblem,
    target: float | None = None,
    table: LatencyTable | None = None,
) -> CostModel:
    """Returns the cost model of a search.

    Args:
        name: one of `COST_MODELS`.
        problem: what is searched.
        target: wanted multiply-adds for one image, or milliseconds for "latency"; None leaves the
            search to n_f alone.
        table: for "latency", and only for it.

    Raises:
        ValueError: the name is unknown, or the table is missing.
        LatencyTableError: the table is of another problem.
        TargetError: no student comes near the target.
    """
    if name not in COST_MODELS:
        raise ValueError(f"unknown cost model {name!r}: give one of {', '.join(COST_MODELS)}.")
    if (table is not None) != (name == LATENCY):
        raise ValueError(f"a latency table belongs to {LATENCY!r} and to no other cost model.")
    cost: CostModel
    budget: Budget
    if table is not None:
        cost, budget = ExpectedLatency(problem, table), LatencyBudget(table)
    else:
        cost, budget = _OF_MACS[name](problem), MacsBudget(problem)
    if target is None:
        return cost
    budget.check(target)
    return Steered(cost, target)
