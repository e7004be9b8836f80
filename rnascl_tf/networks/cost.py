"""Size and cost of a student, by arithmetic over its layers (docs/design.md, "The student").

The same sums count a concrete student (integer widths), price a search (expected widths, float
tensors) and tabulate a space (arrays of widths): a width is only ever added and multiplied.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rnascl_tf.networks.architecture import Architecture, problem_and_filters
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import Block

if TYPE_CHECKING:
    import tensorflow as tf

Width: TypeAlias = "float | np.ndarray | tf.Tensor"
"""A number of filters: of one student, of several, or an expectation."""


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution or dense layer.

    Attributes:
        name: its tap's name, or "dense".
        weights: number of kernel weights.
        filters: output channels.
        pixels: output positions, height * width.
        normalized: whether batch normalisation follows.
    """

    name: str
    weights: Any
    filters: Any
    pixels: int
    normalized: bool = True

    @property
    def macs(self) -> Any:
        """Multiply-adds for one image: every kernel weight is used once per output position."""
        return self.weights * self.pixels


@dataclasses.dataclass(frozen=True)
class Count:
    """Size and cost of a student.

    Attributes:
        params: trainable parameters (kernels, biases, 2 per batch-normalised channel, dense).
        macs: multiply-adds of convolutions and dense layers for one image.
        macs_thop: what the paper printed (an old version of thop): `macs`, one per convolution
            output element for the bias, two per batch-norm element, and the dense kernel again.
    """

    params: int
    macs: int
    macs_thop: int


def convolutions(problem: SearchProblem, widths: Sequence[Width]) -> list[Convolution]:
    """Returns a student's layers, the dense layer last.

    Args:
        problem: whose student.
        widths: output filters of every block, in block order.
    """
    space = problem.space
    height, width, channels = problem.input_shape
    height, width = _strided(height, 2), _strided(width, 2)
    filters: Any = space.stem_filters
    layers = [Convolution("stem", 9 * channels * filters, filters, height * width)]
    # The widest student is the template: names, strides and expansions do not depend on the widths.
    for block, output in zip(space.blocks(space.widest), widths, strict=True):
        hidden = block.expansion * filters
        if block.expansion != 1:
            layers.append(
                Convolution(f"{block.name}_expand", filters * hidden, hidden, height * width)
            )
        height, width = _strided(height, block.stride), _strided(width, block.stride)
        pixels = height * width
        layers.append(Convolution(f"{block.name}_depthwise", 9 * hidden, hidden, pixels))
        layers.append(Convolution(f"{block.name}_project", hidden * output, output, pixels))
        filters = output
    if space.head is not None:
        hidden = space.head.expansion * filters
        layers.append(Convolution("head_expand", filters * hidden, hidden, height * width))
        filters = space.head.filters
        layers.append(Convolution("head_project", hidden * filters, filters, 1, normalized=False))
    classes = problem.num_classes
    layers.append(Convolution("dense", filters * classes, classes, 1, normalized=False))
    return layers


def total_macs(problem: SearchProblem, widths: Sequence[Width]) -> Any:
    """Returns the multiply-adds of a student for one image, of the type of its widths.

    With expected widths E[f] = sum_i g_i f_i the result is the expected cost that the search prices:
    exact at one-hot g, differentiable in g everywhere. See `convolutions` for the arguments.
    """
    return sum(layer.macs for layer in convolutions(problem, widths))


def macs_table(problem: SearchProblem) -> list[np.ndarray]:
    """Returns what every block of every student costs, apart from the other blocks.

    A block's cost depends on its own width and its predecessor's, so a student's is a sum over
    neighbours: a chain, which `Budget.decode` can search exactly.

    Returns:
        An int64 array [choices of the block before, choices] of multiply-adds for each block, in
        block order. The first one, [1, choices], includes the stem; the last one includes the head
        and the dense layer.
    """
    blocks = problem.space.blocks(problem.space.widest)
    tables = []
    for position, block in enumerate(blocks):
        widths: list[Width] = [each.filters for each in blocks]
        if position:
            widths[position - 1] = np.array(blocks[position - 1].choices)[:, None]
        widths[position] = np.array(block.choices)
        table = np.zeros((1, len(block.choices)), "int64")
        for layer in convolutions(problem, widths):
            if _priced_with(layer.name, blocks) == position:
                table = table + layer.macs
        tables.append(table)
    return tables


def _priced_with(layer: str, blocks: Sequence[Block]) -> int:
    """Returns the position of the block in whose table a layer belongs."""
    if layer == "stem":
        return 0
    for position, block in enumerate(blocks):
        if layer.startswith(f"{block.name}_"):
            return position
    return len(blocks) - 1


def count(architecture: Architecture | Mapping[str, Any]) -> Count:
    """Returns the `Count` of an architecture.

    Args:
        architecture: an `Architecture`, or a mapping with its fields; `space`, `filters`,
            `num_classes` and `input_shape` are read.

    Raises:
        ValueError: the space is unknown, or none of its students has these filters.
    """
    problem, filters = problem_and_filters(architecture)
    layers = convolutions(problem, [block.filters for block in problem.space.blocks(filters)])
    norms = sum(layer.filters for layer in layers if layer.normalized)
    norm_elements = sum(layer.filters * layer.pixels for layer in layers if layer.normalized)
    bias_elements = sum(layer.filters * layer.pixels for layer in layers[:-1])
    macs = sum(layer.macs for layer in layers)
    return Count(
        params=sum(layer.weights + layer.filters for layer in layers) + 2 * norms,
        macs=macs,
        macs_thop=macs + bias_elements + 2 * norm_elements + layers[-1].weights,
    )


def _strided(size: int, stride: int) -> int:
    """Output size of a 3x3 convolution with padding 1: ceil(size / stride)."""
    return -(-size // stride)
