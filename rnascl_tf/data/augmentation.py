"""Random crop and horizontal flip, a whole batch at once and reproducible from a seed.

Standard CIFAR augmentation: zero padding, then a crop of the original size at a random offset, which
each image draws for itself. Stateless, so that a resumed run sees the same pixels.
"""

import tensorflow as tf


def random_crop(images: tf.Tensor, padding: int, seed: tf.Tensor) -> tf.Tensor:
    """Pads images with zeros and crops each at its own random offset.

    Args:
        images: [batch, height, width, channels], uint8 or float; all but the batch static.
        padding: pixels added on every side, 0 or more. At offset `padding` the crop is the
            original.
        seed: int [2]; the same seed gives the same offsets, uniform in 0..2*padding for both axes.

    Returns:
        The crops, shape and dtype of `images`.

    Raises:
        ValueError: `padding` is negative.
    """
    if padding < 0:
        raise ValueError(f"padding must be 0 or more pixels, got {padding}.")
    if padding == 0:
        return images
    height, width = images.shape[1:3]
    offsets = tf.random.stateless_uniform(
        [tf.shape(images)[0], 2], seed, minval=0, maxval=2 * padding + 1, dtype=tf.int32
    )
    border = [padding, padding]
    padded = tf.pad(images, [[0, 0], border, border, [0, 0]])
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)


def random_flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors each image left to right with probability 1/2.

    Args:
        images: [batch, height, width, channels], uint8 or float.
        seed: int [2]; the same seed flips the same images.

    Returns:
        The images, shape and dtype of `images`.
    """
    coins = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed)
    return tf.where(coins < 0.5, tf.reverse(images, [2]), images)
