"""Random crop and horizontal flip, a whole batch at once and reproducible from a seed.

Standard CIFAR augmentation: zero padding, then a crop of the original size at a random offset, which
each image draws for itself; or a random-resized crop, as for ImageNet. What is drawn is apart from what
is done with it: the same draws give the same pixels, in a resumed run and in a fixed view.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import LabelledImages
from rnascl_tf.data.resized_crop import DRAWS


class Draws(NamedTuple):
    """What chance has decided for each of b images.

    Attributes:
        crop: int32 [b, 2], offsets in 0..2*padding (row, column); or, of a random-resized crop,
            float32 [b, resized_crop.DRAWS] in [0, 1).
        coin: float32 [b] in [0, 1); an image whose coin is below 1/2 is mirrored.
    """

    crop: tf.Tensor
    coin: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training images are changed.

    Attributes:
        crop_padding: padding of the random crop in pixels; 0 leaves it out.
        resized_crop: whether to cut a random part out of every original image and resize it,
            instead of the crop after padding; see `rnascl_tf.data.resized_crop`.
        flip: whether to mirror half of the images.

    Raises:
        DataError: the padding is negative, or both crops are wanted.
    """

    crop_padding: int = 0
    resized_crop: bool = False
    flip: bool = False

    def __post_init__(self) -> None:
        if self.crop_padding < 0:
            raise DataError(f"crop_padding must be 0 or more pixels, got {self.crop_padding}.")
        if self.resized_crop and self.crop_padding:
            raise DataError(
                f"resized_crop replaces crop_padding: set crop_padding=0, got {self.crop_padding}."
            )

    def draws(self, count: int, seed: tf.Tensor) -> Draws:
        """Returns the draws of `count` images; `seed`, int [2], decides them."""
        crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
        if self.resized_crop:
            crop = tf.random.stateless_uniform([count, DRAWS], crop_seed)
        else:
            crop = tf.random.stateless_uniform(
                [count, 2], crop_seed, minval=0, maxval=2 * self.crop_padding + 1, dtype=tf.int32
            )
        return Draws(crop, tf.random.stateless_uniform([count], flip_seed))

    def reader(self, examples: LabelledImages) -> Callable[[tf.Tensor, Draws], tf.Tensor]:
        """Returns a function of rows, int64 [b], and draws to images, uint8 [b, height, width, 3]."""
        read: Callable[..., tf.Tensor] = (
            examples.crop_reader() if self.resized_crop else examples.reader()
        )

        def augmented(rows: tf.Tensor, draws: Draws) -> tf.Tensor:
            if self.resized_crop:
                images = read(rows, draws.crop)
            else:
                images = crop_at(read(rows), self.crop_padding, draws.crop)
            return flip_where(images, draws.coin < 0.5) if self.flip else images

        return augmented


def crop_at(images: tf.Tensor, padding: int, offsets: tf.Tensor) -> tf.Tensor:
    """Pads images with zeros and crops each at its own offset.

    Args:
        images: [batch, height, width, channels], uint8 or float; all but the batch static.
        padding: pixels added on every side, 0 or more.
        offsets: int32 [batch, 2], row and column of each crop in 0..2*padding; at `padding` the crop is
            the original.

    Returns:
        The crops, shape and dtype of `images`.
    """
    if padding == 0:
        return images
    height, width = images.shape[1:3]
    border = [padding, padding]
    padded = tf.pad(images, [[0, 0], border, border, [0, 0]])
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)


def flip_where(images: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Mirrors images left to right where `mirrored`, bool [batch]; shape and dtype stay."""
    return tf.where(mirrored[:, None, None, None], tf.reverse(images, [2]), images)
