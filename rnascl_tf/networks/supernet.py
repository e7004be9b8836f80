"""The supernet: every student of a search space in one network (paper, section 3)."""

from collections.abc import Mapping

import keras
import numpy as np
import scipy.special
import tensorflow as tf

from rnascl_tf.layers import ChannelMask
from rnascl_tf.networks.architecture import PAPER_ACTIVATION
from rnascl_tf.networks.backbone import Features, backbone
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import Block, SearchSpace

PAPER_MOMENTUM = 0.997


def build_supernet(
    space: SearchSpace,
    num_classes: int,
    input_shape: tuple[int, int, int],
    *,
    activation: str = PAPER_ACTIVATION,
    momentum: float = PAPER_MOMENTUM,
    noise: str = "gumbel",
    seed: int = 0,
) -> keras.Model:
    """Builds the widest network of a space, with one `ChannelMask` after each block.

    The filter parameters (Gumbel logits) live in it; tutor parameters belong to the search model.

    Args:
        space: the search space.
        num_classes: at least 2.
        input_shape: (height, width, 3).
        activation: one of `rnascl_tf.layers.ACTIVATIONS`.
        momentum: of batch normalisation, in Keras' convention.
        noise: of the Gumbel-softmax, see `GumbelSoftmax`.
        seed: of initialisers and noise.

    Returns:
        A Keras model: images float32 [batch, *input_shape] in [0, 1] -> {"logits": [batch,
        num_classes], "taps": {name: features}, "gates": {block name: float32 [choices]}}. The gates
        are the Gumbel weights that made this very pass.
    """
    problem = SearchProblem(space, num_classes, input_shape)
    images = keras.Input(problem.input_shape, name="images")
    gates: dict[str, Features] = {}

    def mask(features: Features, block: Block) -> Features:
        layer = ChannelMask(
            block.choices, noise=noise, seed=seed * 1000 + len(gates), name=f"{block.name}_mask"
        )
        features, gates[block.name] = layer(features)
        return features

    logits, taps = backbone(
        images,
        problem,
        space.widest,
        activation=activation,
        momentum=momentum,
        seed=seed,
        after_block=mask,
    )
    outputs = {"logits": logits, "taps": taps, "gates": gates}
    return keras.Model(images, outputs, name=f"supernet_{space.name.lower()}")


def channel_masks(supernet: keras.Model) -> list[ChannelMask]:
    """Returns the supernet's `ChannelMask` layers, in block order."""
    return [layer for layer in supernet.layers if isinstance(layer, ChannelMask)]


def expected_filters(space: SearchSpace, gates: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """Returns E[f] = sum_i g_i f_i of every block, a list of float32 scalars in block order.

    Args:
        space: the supernet's.
        gates: of one of its forward passes, {block name: float32 [choices]}.
    """
    return [
        tf.linalg.tensordot(gates[block.name], tf.constant(block.choices, tf.float32), 1)
        for block in space.blocks(space.widest)
    ]


def filter_log_probabilities(supernet: keras.Model) -> list[np.ndarray]:
    """Returns log softmax(v) of every block, a list of float64 arrays [choices] in block order."""
    return [
        scipy.special.log_softmax(np.asarray(mask.gumbel.logits, "float64")[0])
        for mask in channel_masks(supernet)
    ]


def chosen_filters(supernet: keras.Model, space: SearchSpace) -> list[list[int]]:
    """Returns each block's most probable number of filters, a list for each network stage."""
    choices = [
        mask.filters[int(tf.argmax(mask.gumbel.probabilities()[0]))]
        for mask in channel_masks(supernet)
    ]
    return space.nested(choices)
