"""n_f of eq. 2: the differentiable price of a sampled network, one cost model for each notion of it.

A cost model is called with the gates of one forward pass, {block name: float32 [choices]}, and returns
a `Price`. The gates, and not the expected widths alone, because they say more: neighbouring blocks draw
independently, so that the joint probability of two widths, which a table of measured blocks needs, is
the product of their gates.
"""

import math
import typing

import tensorflow as tf

from rnascl_tf.networks import expected_filters, total_macs


class Price(typing.NamedTuple):
    """What one sampled network costs, float32 scalars differentiable in the gates.

    Attributes:
        factor: n_f.
        expected_macs: expected multiply-adds for one image, whatever the model prices.
        expected_cost: what a target is set for: the multiply-adds, or milliseconds.
    """

    factor: tf.Tensor
    expected_macs: tf.Tensor
    expected_cost: tf.Tensor


class ExpectedMacs:
    """n_f = log(expected MACs) / log(reference MACs) (DESIGN section 5); the default.

    The reference is the widest network, so n_f is 1 there and falls slowly: it leans on the search
    and does not drown the task.

    Args:
        space: a `SearchSpace`.
        num_classes: number of classes.
        input_shape: (height, width, 3).
    """

    unit = "macs"
    """Of `Price.expected_cost`."""

    def __init__(self, space, num_classes, input_shape):
        self._problem = (space, num_classes, tuple(input_shape))
        widest = [block.filters for block in space.blocks(space.widest)]
        self.reference_macs = total_macs(space, widest, num_classes, input_shape)

    def __call__(self, gates):
        """Returns the `Price`."""
        macs = self.macs(expected_filters(self._problem[0], gates))
        return Price(self.factor(macs), macs, macs)

    def macs(self, filters):
        """Returns the multiply-adds for one image, a float32 scalar.

        Args:
            filters: E[f] of every block, float32 scalars in block order.
        """
        space, num_classes, input_shape = self._problem
        return total_macs(space, filters, num_classes, input_shape)

    def factor(self, macs):
        """Returns n_f, a float32 scalar."""
        return tf.math.log(macs) / math.log(self.reference_macs)


class Free:
    """n_f = 1: the search looks at the task alone, and its expected MACs are only reported.

    Args:
        space: a `SearchSpace`.
        num_classes: number of classes.
        input_shape: (height, width, 3).
    """

    unit = "macs"
    """Of `Price.expected_cost`."""

    def __init__(self, space, num_classes, input_shape):
        self._expected = ExpectedMacs(space, num_classes, input_shape)

    def __call__(self, gates):
        """Returns the `Price`."""
        return self._expected(gates)._replace(factor=tf.ones(()))
