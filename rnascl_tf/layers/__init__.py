"""Keras layers of the method, equation by equation."""

from rnascl_tf.layers.activation import ACTIVATIONS
from rnascl_tf.layers.attention import attention_maps
from rnascl_tf.layers.attention_map import AttentionMaps
from rnascl_tf.layers.batch_normalization import BatchNormalization, frozen_statistics
from rnascl_tf.layers.channel_mask import ChannelMask
from rnascl_tf.layers.gumbel import GumbelSoftmax
from rnascl_tf.layers.hard_swish import HardSwish
from rnascl_tf.layers.inverted_residual import inverted_residual
from rnascl_tf.layers.pixel_normalization import PixelNormalization
from rnascl_tf.layers.tutor_selection import TutorSelection

__all__ = [
    "ACTIVATIONS",
    "AttentionMaps",
    "BatchNormalization",
    "ChannelMask",
    "GumbelSoftmax",
    "HardSwish",
    "PixelNormalization",
    "TutorSelection",
    "attention_maps",
    "frozen_statistics",
    "inverted_residual",
]
