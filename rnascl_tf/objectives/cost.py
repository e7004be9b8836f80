"""n_f of eq. 2: the differentiable price of a sampled network (DESIGN section 5).

n_f = log(expected MACs) / log(reference MACs). The reference is the widest network, so n_f is 1
there and falls slowly: it leans on the search and does not drown the task.
"""

import math

import tensorflow as tf

from rnascl_tf.networks import total_macs


class ExpectedMacs:
    """Prices the network that a forward pass sampled.

    Args:
        space: a `SearchSpace`.
        num_classes: number of classes.
        input_shape: (height, width, 3).
    """

    def __init__(self, space, num_classes, input_shape):
        self._problem = (space, num_classes, tuple(input_shape))
        widest = [block.filters for block in space.blocks(space.widest)]
        self.reference_macs = total_macs(space, widest, num_classes, input_shape)

    def macs(self, expected_filters):
        """Returns the expected multiply-adds for one image, a float32 scalar.

        Args:
            expected_filters: E[f] of every block, float32 scalars in block order, from the Gumbel
                weights of the same forward pass as the loss.
        """
        space, num_classes, input_shape = self._problem
        return total_macs(space, expected_filters, num_classes, input_shape)

    def factor(self, macs):
        """Returns n_f, a float32 scalar."""
        return tf.math.log(macs) / math.log(self.reference_macs)
