"""n_f from a table of measured blocks: the expected latency of a sampled network.

Neighbouring blocks draw their widths independently, so the probability of two widths is the product of
their gates, and the expectation of a sum over neighbours is exact:
E[ms] = sum_p g_{p-1}^T T_p g_p, T_p the table of block p. It is differentiable in the gates everywhere
and the student's own predicted time where they are one-hot.
"""

import math

import tensorflow as tf

from rnascl_tf.networks import LatencyTable, SearchProblem, expected_filters, total_macs
from rnascl_tf.objectives.cost import Gates, Price

_MICROSECONDS = 1000.0


class ExpectedLatency:
    """n_f = log(expected us) / log(us of the widest student), in microseconds.

    As `ExpectedMacs`, with time for multiply-adds. In milliseconds the logarithm of a small student's
    time would be negative, and its loss would be paid back.

    Args:
        problem: what is searched.
        table: of that problem.

    Raises:
        LatencyTableError: the table is of another problem.
    """

    unit = "ms"

    def __init__(self, problem: SearchProblem, table: LatencyTable) -> None:
        table.check_problem(problem)
        space = problem.space
        self._problem = problem
        self._names = [block.name for block in space.blocks(space.widest)]
        self._tables = [tf.constant(part, tf.float32) for part in table.tables()]
        self.reference_ms = table.predict(space.widest)

    def __call__(self, gates: Gates) -> Price:
        """Returns the `Price`, its cost in milliseconds."""
        milliseconds = self.milliseconds(gates)
        factor = tf.math.log(_MICROSECONDS * milliseconds) / math.log(
            _MICROSECONDS * self.reference_ms
        )
        macs = total_macs(self._problem, expected_filters(self._problem.space, gates))
        return Price(factor, macs, milliseconds)

    def milliseconds(self, gates: Gates) -> tf.Tensor:
        """Returns E[ms], a float32 scalar."""
        before, total = tf.ones(1), 0.0
        for name, table in zip(self._names, self._tables, strict=True):
            total += tf.einsum("i,ij,j->", before, table, gates[name])
            before = gates[name]
        return total
