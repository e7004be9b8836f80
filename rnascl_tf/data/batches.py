"""Batches for training (endless, shuffled, augmented) and evaluation (in order, once).

A training batch is a function of (seed, epoch, step) and nothing else: epoch e visits the examples
in a permutation drawn from (seed, e), and its step k is augmented with a seed folded from (seed, e, k).
So a resumed run sees the batches of a run that was never stopped, bit for bit.
"""

from collections.abc import Callable

import tensorflow as tf

from rnascl_tf.data.augmentation import random_crop, random_flip
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import PIXEL_SCALE, LabelledImages
from rnascl_tf.data.resized_crop import DRAWS


def steps_per_epoch(examples: LabelledImages, batch_size: int) -> int:
    """Returns the number of full batches in an epoch.

    Raises:
        DataError: `batch_size` is not in 1..n.
    """
    if not 1 <= batch_size <= len(examples):
        raise DataError(
            f"batch_size must be 1 to {len(examples)} (the training examples), got {batch_size}."
        )
    return len(examples) // batch_size


def training_batches(
    examples: LabelledImages,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    first_step: int = 0,
    crop_padding: int = 0,
    resized_crop: bool = False,
    flip: bool = False,
) -> tf.data.Dataset:
    """Returns an endless stream of training batches, epoch after epoch.

    Args:
        examples: the training examples.
        batch_size: rows of every batch; the n modulo batch_size rows left over are dropped,
            different ones in each epoch.
        seed: decides the order and the augmentation.
        first_epoch: the epoch to begin with, 0 or more.
        first_step: the batch of that epoch to begin with, 0 or more.
        crop_padding: padding of the random crop in pixels; 0 leaves it out.
        resized_crop: whether to cut a random part out of every original image and resize it,
            instead of the crop after padding; see `rnascl_tf.data.resized_crop`.
        flip: whether to mirror half of the images.

    Returns:
        A `tf.data.Dataset` of {"image": float32 [batch_size, height, width, 3] in [0, 1],
        "label": int32 [batch_size], "index": int64 [batch_size], rows of `examples`}.

    Raises:
        DataError: a number is out of range, or both crops are wanted.
    """
    steps = steps_per_epoch(examples, batch_size)
    if first_epoch < 0:
        raise DataError(f"first_epoch must be 0 or more, got {first_epoch}.")
    if not 0 <= first_step < steps:
        raise DataError(
            f"first_step must be 0 to {steps - 1} (the last of an epoch), got {first_step}."
        )
    if crop_padding < 0:
        raise DataError(f"crop_padding must be 0 or more pixels, got {crop_padding}.")
    if resized_crop and crop_padding:
        raise DataError(
            f"resized_crop replaces crop_padding: set crop_padding=0, got {crop_padding}."
        )
    labels = _labels(examples)
    read: Callable[..., tf.Tensor] = examples.crop_reader() if resized_crop else examples.reader()

    def epoch_rows(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(examples), dtype=tf.int64), epoch_seed
        )
        rows = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        rows = tf.data.Dataset.from_tensor_slices(rows)
        seeds = tf.data.Dataset.range(steps).map(lambda step: tf.random.fold_in(epoch_seed, step))
        # Skipped here, before anything is read or augmented.
        done = tf.where(epoch == first_epoch, tf.constant(first_step, tf.int64), 0)
        return tf.data.Dataset.zip(rows, seeds).skip(done)

    def batch(rows: tf.Tensor, step_seed: tf.Tensor) -> dict[str, tf.Tensor]:
        crop_seed, flip_seed = tf.unstack(tf.random.split(step_seed, 2))
        if resized_crop:
            images = read(rows, tf.random.stateless_uniform([batch_size, DRAWS], crop_seed))
        else:
            images = random_crop(read(rows), crop_padding, crop_seed)
        if flip:
            images = random_flip(images, flip_seed)
        return _batch(images, tf.gather(labels, rows), rows)

    epochs = tf.data.Dataset.counter(start=first_epoch)
    stream = epochs.flat_map(epoch_rows).map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return stream.apply(endless).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(examples: LabelledImages, batch_size: int) -> tf.data.Dataset:
    """Returns the examples in order, once; the last batch may be smaller.

    Args:
        examples: in their order.
        batch_size: rows of a batch, 1 or more.

    Returns:
        A `tf.data.Dataset` of the dictionaries that `training_batches` describes.

    Raises:
        DataError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise DataError(f"batch_size must be 1 or more, got {batch_size}.")
    labels, read = _labels(examples), examples.reader()
    rows = tf.data.Dataset.range(len(examples)).batch(batch_size)
    batches = rows.map(
        lambda rows: _batch(read(rows), tf.gather(labels, rows), rows),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def _labels(examples: LabelledImages) -> tf.Tensor:
    with tf.device("CPU:0"):  # where tf.data runs
        return tf.constant(examples.labels)


def _batch(images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"image": tf.cast(images, tf.float32) * PIXEL_SCALE, "label": labels, "index": rows}
