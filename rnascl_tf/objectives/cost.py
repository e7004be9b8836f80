"""n_f of eq. 2: the differentiable price of a sampled network, one cost model for each notion of it.

A cost model is called with the gates of one forward pass and returns a `Price`. It gets the gates, not
only the expected widths: a table of measured blocks needs the joint probability of two neighbouring
widths, which is the product of their gates.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from rnascl_tf.networks import SearchProblem, expected_filters, total_macs

Gates: TypeAlias = Mapping[str, tf.Tensor]
"""{block name: float32 [choices]}, the Gumbel weights of one forward pass."""


class Price(NamedTuple):
    """What one sampled network costs, float32 scalars differentiable in the gates.

    Attributes:
        factor: n_f.
        expected_macs: expected multiply-adds for one image, whatever the model prices.
        expected_cost: what a target is set for: the multiply-adds, or milliseconds.
    """

    factor: tf.Tensor
    expected_macs: tf.Tensor
    expected_cost: tf.Tensor


class CostModel(Protocol):
    """Gates of one forward pass -> `Price`.

    Attributes:
        unit: of `Price.expected_cost`, "MACs" or "ms".
    """

    unit: str

    def __call__(self, gates: Gates) -> Price:
        """Returns the price."""


class ExpectedMacs:
    """n_f = log(expected MACs) / log(reference MACs) (docs/design.md, "The method"); the default.

    The reference is the widest network, so n_f is 1 there and falls slowly: it guides the search and
    does not outweigh the task.

    Args:
        problem: what is searched.
    """

    unit = "MACs"

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem
        space = problem.space
        widest = [block.filters for block in space.blocks(space.widest)]
        self.reference_macs: int = total_macs(problem, widest)

    def __call__(self, gates: Gates) -> Price:
        """Returns the `Price`."""
        macs = self.macs(expected_filters(self._problem.space, gates))
        return Price(self.factor(macs), macs, macs)

    def macs(self, filters: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the multiply-adds for one image, a float32 scalar.

        Args:
            filters: E[f] of every block, float32 scalars in block order.
        """
        return total_macs(self._problem, filters)

    def factor(self, macs: tf.Tensor) -> tf.Tensor:
        """Returns n_f, a float32 scalar."""
        return tf.math.log(macs) / math.log(self.reference_macs)


class Free:
    """n_f = 1: the search looks at the task alone, and its expected MACs are only reported.

    Args:
        problem: what is searched.
    """

    unit = "MACs"

    def __init__(self, problem: SearchProblem) -> None:
        self._expected = ExpectedMacs(problem)

    def __call__(self, gates: Gates) -> Price:
        """Returns the `Price`."""
        return self._expected(gates)._replace(factor=tf.ones(()))
