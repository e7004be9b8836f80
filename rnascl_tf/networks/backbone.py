"""The layers that supernet and slim student share (docs/design.md, "The student")."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import keras

from rnascl_tf.layers import inverted_residual_block
from rnascl_tf.layers.activation import activate
from rnascl_tf.layers.batch_normalization import normalized
from rnascl_tf.layers.convolutions import convolution
from rnascl_tf.layers.initializers import dense_normal
from rnascl_tf.layers.pixel_normalization import PixelNormalization
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import Block

Features: TypeAlias = keras.KerasTensor

PIXEL_MEAN = (0.5, 0.5, 0.5)
PIXEL_STD = (0.25, 0.25, 0.25)
"""The students' normalisation, the same for every data set: an architecture rebuilds its student
without knowing the data, and the stem's batch norm learns the rest."""


def backbone(
    images: Features,
    problem: SearchProblem,
    filters: Sequence[Sequence[int]],
    *,
    activation: str,
    momentum: float,
    seed: int,
    after_block: Callable[[Features, Block], Features] | None = None,
) -> tuple[Features, dict[str, Features]]:
    """Builds the functional graph from images to logits.

    Args:
        images: Keras input, float32 [batch, height, width, 3] in [0, 1].
        problem: whose network.
        filters: output filters of every block, a list for each network stage.
        activation: one of `rnascl_tf.layers.ACTIVATIONS`.
        momentum: of batch normalisation, in Keras' convention.
        seed: from which every initialiser is seeded.
        after_block: called on each block's output after the residual addition; the supernet masks
            channels there.

    Returns:
        logits [batch, num_classes], and the taps, a dict name -> features in network order: the
        stem, three (two at expansion 1) of each block, and the head's first convolution.
    """
    space, head = problem.space, problem.space.head
    seeds = _seeds(seed)
    features = PixelNormalization(PIXEL_MEAN, PIXEL_STD, name="normalization")(images)
    features = convolution(features, space.stem_filters, 3, 2, "stem", next(seeds))
    features = normalized(features, "stem", momentum, activation)
    taps = {"stem": features}
    for block in space.blocks(filters):
        features, block_taps = inverted_residual_block(
            features,
            block.filters,
            block.stride,
            block.expansion,
            block.name,
            momentum=momentum,
            seed=next(seeds),
            activation=activation,
        )
        taps |= block_taps
        if after_block is not None:
            features = after_block(features, block)
    if head is not None:
        features = convolution(
            features, head.expansion * features.shape[-1], 1, 1, "head_expand", next(seeds)
        )
        features = normalized(features, "head_expand", momentum, activation)
        taps["head_expand"] = features
        features = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(features)
        features = convolution(features, head.filters, 1, 1, "head_project", next(seeds))
        features = activate(features, activation, "head_project_act")
        features = keras.layers.Flatten(name="flatten")(features)
    else:
        features = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    logits = keras.layers.Dense(
        problem.num_classes,
        kernel_initializer=dense_normal(next(seeds)),
        name="logits",
    )(features)
    return logits, taps


def _seeds(seed: int) -> Iterator[int]:
    """Yields seeds that leave room for a block's three initialisers and never meet another run's."""
    number = seed * 100_000
    while True:
        yield number
        number += 10
