"""The cost models by the names of `search.cost`, steered to a target if there is one."""

import math

import tensorflow as tf

from rnascl_tf.networks import check_target, check_target_ms
from rnascl_tf.objectives.authors_cost import AuthorsCost
from rnascl_tf.objectives.cost import ExpectedMacs, Free
from rnascl_tf.objectives.latency_cost import ExpectedLatency

COST_MODELS = {
    "macs": ExpectedMacs,
    "authors": AuthorsCost,
    "none": Free,
    "latency": ExpectedLatency,
}
"""Constructors (space, num_classes, input_shape) -> cost model; "latency" takes a table too."""

STEERING = 1.0
"""s of `Steered`. Measured on S3 and the digits after 220 steps: at a target one fifth up the range the
sampled MACs came to 1.00 of it (1.15 without), nine tenths up to 0.92. At s = 10 the latter came to
0.96, but a pull ten times the task's would decide the filters by cost alone."""


class Steered:
    """Another model's price, times 1 + s |ln(expected cost / target)|.

    Off the target every loss is dearer, above it as below. The slope, s per relative change of MACs,
    does not flatten out on the way in, and n_f's own (1 / ln(reference), 0.06 on S3) cannot hold
    against it. So the probabilities gather round the target. The student itself is then decided
    under the budget by `rnascl_tf.networks.decode`: no pull on an expectation can promise that the
    most probable filters meet it (in that measurement they were off by 10%).

    Args:
        cost: the cost model.
        target: wanted cost in the model's unit: multiply-adds for one image, or milliseconds.
        strength: s.
    """

    def __init__(self, cost, target, strength=STEERING):
        self._cost = cost
        self.unit = cost.unit
        self.target = target
        self.strength = strength

    def __call__(self, gates):
        """Returns the `Price`; `factor` is n_f with the pull."""
        price = self._cost(gates)
        distance = tf.abs(tf.math.log(price.expected_cost) - math.log(self.target))
        return price._replace(factor=price.factor * (1.0 + self.strength * distance))


def cost_model(name, space, num_classes, input_shape, target=None, table=None):
    """Returns the cost model of a search: gates of one forward pass -> `Price`.

    Args:
        name: "macs", "authors", "none" or "latency".
        space: a `SearchSpace`.
        num_classes: number of classes.
        input_shape: (height, width, 3).
        target: wanted multiply-adds for one image, of "latency" milliseconds; None leaves the search to
            n_f alone.
        table: for "latency": a `LatencyTable`.

    Raises:
        ValueError: the name is unknown.
        LatencyTableError: the table is of another space, number of classes or image shape.
        TargetError: no student of the space comes near the target.
    """
    if name not in COST_MODELS:
        raise ValueError(f"unknown cost model {name!r}: give one of {', '.join(COST_MODELS)}.")
    arguments = (space, num_classes, input_shape)
    cost = COST_MODELS[name](*arguments, *([table] if name == "latency" else []))
    if target is None:
        return cost
    if name == "latency":
        check_target_ms(table, target)
    else:
        check_target(*arguments, target)
    return Steered(cost, target)
