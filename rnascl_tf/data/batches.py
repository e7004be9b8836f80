"""Batches for training (endless, shuffled, augmented) and evaluation (in order, once).

A training batch is a function of (seed, epoch, step) and nothing else: epoch e visits the examples
in a permutation drawn from (seed, e), and its step k is augmented with a seed folded from (seed, e, k),
or shows fixed views (`rnascl_tf.data.fixed_views`). So a resumed run sees the batches of a run that was
never stopped, bit for bit.
"""

import tensorflow as tf

from rnascl_tf.data.augmentation import Augmentation, Draws
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import PIXEL_SCALE, LabelledImages
from rnascl_tf.data.fixed_views import draws_shown, view_draws, views_shown
from rnascl_tf.data.graph_functions import as_written


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
    views: int = 0,
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
        views: number of fixed views of each image that the epochs show; 0: each epoch augments
            anew.
        crop_padding: see `Augmentation`.
        resized_crop: see `Augmentation`.
        flip: see `Augmentation`.

    Returns:
        A `tf.data.Dataset` of {"image": float32 [batch_size, height, width, 3] in [0, 1],
        "label": int32 [batch_size], "index": int64 [batch_size], rows of `examples`}; with fixed
        views also "view", int64 [batch_size] in 0..views-1.

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
    if views < 0:
        raise DataError(f"views must be 0 (no fixed views) or more, got {views}.")
    augmentation = Augmentation(crop_padding, resized_crop, flip)
    labels, read = _labels(examples), augmentation.reader(examples)

    @as_written
    def epoch_rows(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(examples), dtype=tf.int64), epoch_seed
        )
        rows = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        if views:
            shown = views_shown(len(examples), seed, epoch, views)
            draws = draws_shown(augmentation, seed, shown, views)
            found = tf.nest.map_structure(lambda values: tf.gather(values, rows), (shown, draws))
            batches = tf.data.Dataset.from_tensor_slices((rows, *found))
        else:
            seeds = tf.data.Dataset.range(steps)
            seeds = seeds.map(as_written(lambda step: tf.random.fold_in(epoch_seed, step)))
            batches = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(rows), seeds)
        # Skipped here, before anything is read or augmented.
        return batches.skip(tf.where(epoch == first_epoch, tf.constant(first_step, tf.int64), 0))

    @as_written
    def fresh_batch(rows: tf.Tensor, step_seed: tf.Tensor) -> dict[str, tf.Tensor]:
        images = read(rows, augmentation.draws(batch_size, step_seed))
        return _batch(images, tf.gather(labels, rows), rows)

    @as_written
    def fixed_batch(rows: tf.Tensor, shown: tf.Tensor, draws: Draws) -> dict[str, tf.Tensor]:
        return _batch(read(rows, draws), tf.gather(labels, rows), rows) | {"view": shown}

    epochs = tf.data.Dataset.counter(start=first_epoch)
    stream = epochs.flat_map(epoch_rows)
    stream = stream.map(fixed_batch if views else fresh_batch, num_parallel_calls=tf.data.AUTOTUNE)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return stream.apply(endless).prefetch(tf.data.AUTOTUNE)


def view_batches(
    examples: LabelledImages,
    view: int,
    *,
    batch_size: int,
    seed: int,
    crop_padding: int = 0,
    resized_crop: bool = False,
    flip: bool = False,
) -> tf.data.Dataset:
    """Returns one fixed view of all examples in order, once; the last batch may be smaller.

    Args:
        examples: the training examples.
        view: its number, 0 or more.
        batch_size: rows of a batch, 1 or more; the view does not depend on it.
        seed: decides the view.
        crop_padding: see `Augmentation`.
        resized_crop: see `Augmentation`.
        flip: see `Augmentation`.

    Returns:
        A `tf.data.Dataset` of the dictionaries that `training_batches` describes.
    """
    augmentation = Augmentation(crop_padding, resized_crop, flip)
    labels, read = _labels(examples), augmentation.reader(examples)
    rows = tf.data.Dataset.range(len(examples))
    draws = tf.data.Dataset.from_tensor_slices(view_draws(augmentation, len(examples), seed, view))

    @as_written
    def batch(rows: tf.Tensor, draws: Draws) -> dict[str, tf.Tensor]:
        shown = tf.fill(tf.shape(rows), tf.constant(view, tf.int64))
        return _batch(read(rows, draws), tf.gather(labels, rows), rows) | {"view": shown}

    batches = tf.data.Dataset.zip(rows, draws).batch(batch_size)
    return batches.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


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

    @as_written
    def batch(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        return _batch(read(rows), tf.gather(labels, rows), rows)

    return rows.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _labels(examples: LabelledImages) -> tf.Tensor:
    with tf.device("CPU:0"):  # where tf.data runs
        return tf.constant(examples.labels)


def _batch(images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"image": tf.cast(images, tf.float32) * PIXEL_SCALE, "label": labels, "index": rows}
