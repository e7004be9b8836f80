"""Size and cost of a student, by arithmetic over its layers (DESIGN section 4).

The same sums count a concrete student (integer widths), price a search (expected widths, float
tensors) and tabulate a space (arrays of widths): a width is only ever added and multiplied.
"""

import dataclasses

import numpy as np

from rnascl_tf.layers import ACTIVATIONS
from rnascl_tf.networks.search_space import SEARCH_SPACES

PAPER_ACTIVATION = "hard_swish"


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
    weights: object
    filters: object
    pixels: int
    normalized: bool = True

    @property
    def macs(self):
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


def convolutions(space, widths, num_classes, input_shape):
    """Returns the student's layers as a list of `Convolution`, the dense layer last.

    Args:
        space: a `SearchSpace`.
        widths: output filters of every block, a flat sequence of numbers or scalar tensors.
        num_classes: classes of the dense layer.
        input_shape: (height, width, channels) of the images.
    """
    height, width, channels = input_shape
    height, width = _strided(height, 2), _strided(width, 2)
    filters = space.stem_filters
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
    layers.append(Convolution("dense", filters * num_classes, num_classes, 1, normalized=False))
    return layers


def total_macs(space, widths, num_classes, input_shape):
    """Returns the multiply-adds of a student for one image; see `convolutions` for the arguments.

    With expected widths E[f] = sum_i g_i f_i the result is the expected cost that the search prices:
    exact at one-hot g, differentiable in g everywhere.
    """
    return sum(layer.macs for layer in convolutions(space, widths, num_classes, input_shape))


def macs_table(space, num_classes, input_shape):
    """Returns what every block of every student costs, apart from the other blocks.

    A block's cost depends on its own width and its predecessor's, so that a student's is a sum over
    neighbours: a chain, which `decode` can search exactly.

    Returns:
        A list with an int64 array [choices of the block before, choices] of multiply-adds for each
        block, in block order. The first one, [1, choices], includes the stem; the last one
        includes the head and the dense layer.
    """
    blocks = space.blocks(space.widest)
    tables = []
    for position, block in enumerate(blocks):
        widths = [each.filters for each in blocks]
        if position:
            widths[position - 1] = np.array(blocks[position - 1].choices)[:, None]
        widths[position] = np.array(block.choices)
        table = np.zeros((1, len(block.choices)), "int64")
        for layer in convolutions(space, widths, num_classes, input_shape):
            if _priced_with(layer.name, blocks) == position:
                table = table + layer.macs
        tables.append(table)
    return tables


def _priced_with(layer, blocks):
    """Returns the position of the block in whose table a layer belongs."""
    if layer == "stem":
        return 0
    for position, block in enumerate(blocks):
        if layer.startswith(f"{block.name}_"):
            return position
    return len(blocks) - 1


def count(architecture):
    """Returns the `Count` of an architecture.

    Args:
        architecture: an `Architecture`, or a mapping with its fields; `space`, `filters`,
            `num_classes` and `input_shape` are read.

    Raises:
        ValueError: the space is unknown or the filters are none of its students'.
    """
    space, filters, num_classes, input_shape = shape_fields(architecture)
    widths = [block.filters for block in space.blocks(filters)]
    layers = convolutions(space, widths, num_classes, input_shape)
    norms = sum(layer.filters for layer in layers if layer.normalized)
    norm_elements = sum(layer.filters * layer.pixels for layer in layers if layer.normalized)
    bias_elements = sum(layer.filters * layer.pixels for layer in layers[:-1])
    macs = sum(layer.macs for layer in layers)
    return Count(
        params=sum(layer.weights + layer.filters for layer in layers) + 2 * norms,
        macs=macs,
        macs_thop=macs + bias_elements + 2 * norm_elements + layers[-1].weights,
    )


def shape_fields(architecture):
    """Returns (space, filters, num_classes, input_shape), which determine the slim network.

    Raises:
        ValueError: the space is unknown, or a field is missing.
    """
    if not isinstance(architecture, dict):
        architecture = dataclasses.asdict(architecture)
    missing = {"space", "filters", "num_classes", "input_shape"} - architecture.keys()
    if missing:
        raise ValueError(f"the architecture lacks {', '.join(sorted(missing))}.")
    name = architecture["space"]
    if name not in SEARCH_SPACES:
        raise ValueError(f"unknown search space {name!r}: give one of {', '.join(SEARCH_SPACES)}.")
    return (
        SEARCH_SPACES[name],
        architecture["filters"],
        architecture["num_classes"],
        tuple(architecture["input_shape"]),
    )


def activation_of(architecture):
    """Returns an architecture's activation, the paper's hard-swish where it names none.

    Raises:
        ValueError: it is unknown.
    """
    if not isinstance(architecture, dict):
        architecture = dataclasses.asdict(architecture)
    activation = architecture.get("activation", PAPER_ACTIVATION)
    if activation not in tuple(ACTIVATIONS):
        raise ValueError(
            f"unknown activation {activation!r}: give one of {', '.join(ACTIVATIONS)}."
        )
    return activation


def _strided(size, stride):
    """Output size of a 3x3 convolution with padding 1: ceil(size / stride)."""
    return -(-size // stride)
