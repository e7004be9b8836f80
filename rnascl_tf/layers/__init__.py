"""Keras layers of the method, equation by equation, and what students and teachers share.

Importing it registers the layers with Keras.
"""

from rnascl_tf.layers.activation import ACTIVATIONS
from rnascl_tf.layers.attention import AttentionMaps, attention_maps
from rnascl_tf.layers.batch_normalization import BatchNormalization, frozen_statistics
from rnascl_tf.layers.channel_mask import ChannelMask
from rnascl_tf.layers.gumbel import GumbelSoftmax
from rnascl_tf.layers.hard_swish import HardSwish
from rnascl_tf.layers.inverted_residual import inverted_residual_block
from rnascl_tf.layers.packed_attention import pack_maps, packed_shapes, unpack_maps
from rnascl_tf.layers.pixel_normalization import PixelNormalization
from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution
from rnascl_tf.layers.tutor_selection import TutorSelection

__all__ = [
    "ACTIVATIONS",
    "AttentionMaps",
    "BatchNormalization",
    "ChannelMask",
    "GumbelSoftmax",
    "HardSwish",
    "PixelNormalization",
    "PointwiseConvolution",
    "TutorSelection",
    "attention_maps",
    "frozen_statistics",
    "inverted_residual_block",
    "pack_maps",
    "packed_shapes",
    "unpack_maps",
]
