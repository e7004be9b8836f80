"""n_f from a table of measured blocks: the expected latency of a sampled network.

Neighbouring blocks draw their widths independently, so the probability of two widths is the product of
their gates, and the expectation of a sum over neighbours is exact:
E[ms] = sum_p g_{p-1}^T T_p g_p, T_p the table of block p. It is differentiable in the gates everywhere
and the student's own predicted time where they are one-hot.
"""

import math

import tensorflow as tf

from rnascl_tf.networks import expected_filters, total_macs
from rnascl_tf.objectives.cost import Price

_MICROSECONDS = 1000.0


class ExpectedLatency:
    """n_f = log(expected us) / log(us of the widest student), in microseconds.

    As `ExpectedMacs`, with time for multiply-adds. In milliseconds the logarithm of a small student's
    time would be negative, and its loss would be paid back.

    Args:
        space: a `SearchSpace`.
        num_classes: number of classes.
        input_shape: (height, width, 3).
        table: a `LatencyTable` of that space.

    Raises:
        LatencyTableError: the table is of another space, number of classes or image shape.
    """

    unit = "ms"
    """Of `Price.expected_cost`."""

    def __init__(self, space, num_classes, input_shape, table):
        table.check_fits(space=space.name, num_classes=num_classes, input_shape=tuple(input_shape))
        self._problem = (space, num_classes, tuple(input_shape))
        self._names = [block.name for block in space.blocks(space.widest)]
        self._tables = [tf.constant(part, tf.float32) for part in table.tables()]
        self.reference_ms = table.predict(space.widest)

    def __call__(self, gates):
        """Returns the `Price`, its cost in milliseconds."""
        milliseconds = self.milliseconds(gates)
        factor = tf.math.log(_MICROSECONDS * milliseconds) / math.log(
            _MICROSECONDS * self.reference_ms
        )
        space, num_classes, input_shape = self._problem
        macs = total_macs(space, expected_filters(space, gates), num_classes, input_shape)
        return Price(factor, macs, milliseconds)

    def milliseconds(self, gates):
        """Returns E[ms], a float32 scalar, of {block name: float32 [choices]}."""
        before, total = tf.ones(1), 0.0
        for name, table in zip(self._names, self._tables, strict=True):
            total += tf.einsum("i,ij,j->", before, table, gates[name])
            before = gates[name]
        return total
