"""n_f of the authors' released code: 0.1 ln of a sum over blocks (docs/design.md, "The method").

A block costs H W (C_in C_out e + 9 (e C_out)^2 + e C_out^2), H and W those of its output. Unlike the
MACs (`rnascl_tf.networks.cost`) it prices the depthwise convolution as a full one, takes the hidden
width from C_out, runs the expanding convolution at the output's resolution, and leaves stem, head and
dense layer out. e is 1 in the first stage and 6 elsewhere, in their CIFAR spaces too, where the first
stage really expands by 6.
"""

from collections.abc import Sequence

import tensorflow as tf

from rnascl_tf.networks import SearchProblem, expected_filters
from rnascl_tf.networks.cost import convolutions
from rnascl_tf.objectives.cost import ExpectedMacs, Gates, Price

EXPONENT = 0.1
"""n_f = ln(cost ** 0.1)."""

_FIRST_EXPANSION, _EXPANSION = 1, 6


class AuthorsCost:
    """The authors' price; for comparisons with their searches.

    Args:
        problem: what is searched.
    """

    unit = "MACs"

    def __init__(self, problem: SearchProblem) -> None:
        space = problem.space
        self._space = space
        blocks = space.blocks(space.widest)
        widest = [block.filters for block in blocks]
        pixels = {layer.name: layer.pixels for layer in convolutions(problem, widest)}
        self._pixels = [pixels[f"{block.name}_project"] for block in blocks]
        self._expansions = [
            _EXPANSION if number else _FIRST_EXPANSION
            for number, stage in enumerate(space.stages)
            for _ in range(stage.depth)
        ]
        self._expected = ExpectedMacs(problem)

    def __call__(self, gates: Gates) -> Price:
        """Returns the `Price`."""
        filters = expected_filters(self._space, gates)
        factor = EXPONENT * tf.math.log(self.total(filters))
        macs = self._expected.macs(filters)
        return Price(factor, macs, macs)

    def total(self, filters: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the sum over blocks.

        Args:
            filters: E[f] of every block, numbers or scalar tensors in block order.
        """
        total, before = 0.0, self._space.stem_filters
        for pixels, expansion, width in zip(self._pixels, self._expansions, filters, strict=True):
            expand = before * width * expansion
            depthwise = 9 * (expansion * width) ** 2
            project = expansion * width**2
            total += pixels * (expand + depthwise + project)
            before = width
        return total
