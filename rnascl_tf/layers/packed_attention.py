"""Attention maps in as few numbers as they have, for keeping; unpacked they are `attention_maps`.

A layer whose map is smaller than the common grid keeps its own size: of 4x4 numbers the resize makes
14x14 that say no more. Both the resize and the map before it may be scaled freely, because the norm is
divided out at the end; so a packed map has norm 1 and its numbers fit into float16.
"""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from rnascl_tf.layers.attention import energy_of, resized, unit_norm

Shape = tuple[int, int]
"""Height and width of a packed map."""


def packed_shapes(taps: Sequence[tf.Tensor], size: int) -> tuple[Shape, ...]:
    """Returns the shape in which each tap's map is packed.

    Args:
        taps: features [batch, height_i, width_i, channels_i]; symbolic ones, too.
        size: side of the common grid.
    """
    own = [(tap.shape[1], tap.shape[2]) for tap in taps]
    return tuple(shape if shape[0] * shape[1] < size * size else (size, size) for shape in own)


def pack_maps(taps: Sequence[tf.Tensor], size: int) -> tf.Tensor:
    """Computes one attention map per tap and sample, not larger than the tap.

    Args:
        taps: as for `attention_maps`.
        size: side of the common grid, at least 1.

    Returns:
        float32 [batch, p]: the maps of `packed_shapes` one after another, row-major, each of L2 norm
        1 (or less, see `attention_maps`).
    """
    maps = [
        energy_of(tap) if shape == (tap.shape[1], tap.shape[2]) else resized(energy_of(tap), size)
        for tap, shape in zip(taps, packed_shapes(taps, size), strict=True)
    ]
    return tf.concat([unit_norm(each) for each in maps], axis=1)


def unpack_maps(packed: tf.Tensor, shapes: Sequence[Shape], size: int) -> tf.Tensor:
    """Returns what `attention_maps` gives for the taps of packed maps, up to rounding.

    A map that is not zero and has a norm under `NORM_FLOOR` comes out larger, with a norm of up to 1.

    Args:
        packed: float32 [batch, p] of `pack_maps`.
        shapes: of `packed_shapes`.
        size: side of the common grid.

    Returns:
        float32 [batch, n, size * size].
    """
    runs = [(shape, len(list(run))) for shape, run in itertools.groupby(shapes)]
    parts = tf.split(packed, [count * h * w for (h, w), count in runs], axis=1)
    unpacked = []
    for ((height, width), count), part in zip(runs, parts, strict=True):
        # Neighbouring maps of one shape are resized at once, each as a sample of its own.
        maps = tf.reshape(part, (-1, height, width, 1))
        flat = unit_norm(resized(maps, size))
        unpacked.append(tf.reshape(flat, (-1, count, size * size)))
    return tf.concat(unpacked, axis=1)
