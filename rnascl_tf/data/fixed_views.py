"""K fixed views of every training image, so that what a teacher says of them can be kept.

View k of an image is one draw of the augmentation: a function of (seed, row of the image, k), and not
of K. K epochs show each view of an image once, in an order that every image draws anew for every K
epochs; which view an epoch shows is a function of (seed, epoch, row). An image that an epoch leaves out
(the rows that do not fill a batch) misses the view that it would have shown.
"""

import tensorflow as tf

from rnascl_tf.data.augmentation import Augmentation, Draws

# In place of an epoch, which is 0 or more: these draws are of no epoch.
_VIEW_STREAM, _ORDER_STREAM = -1, -2


def view_draws(augmentation: Augmentation, count: int, seed: int, view: int | tf.Tensor) -> Draws:
    """Returns the draws of one view of all images.

    Args:
        augmentation: what is drawn.
        count: number of images.
        seed: of the run.
        view: its number, 0 or more.
    """
    return augmentation.draws(count, _folded(seed, _VIEW_STREAM, view))


def views_shown(count: int, seed: int, epoch: int | tf.Tensor, views: int) -> tf.Tensor:
    """Returns which view of each image an epoch shows, int64 [count] in 0..views-1.

    Args:
        count: number of images.
        seed: of the run.
        epoch: its number, 0 or more.
        views: K, 1 or more.
    """
    epoch = tf.cast(epoch, tf.int64)
    numbers = tf.random.stateless_uniform(
        [count, views], _folded(seed, _ORDER_STREAM, epoch // views)
    )
    orders = tf.argsort(numbers, axis=1, stable=True)
    return tf.cast(tf.gather(orders, epoch % views, axis=1), tf.int64)


def draws_shown(augmentation: Augmentation, seed: int, shown: tf.Tensor, views: int) -> Draws:
    """Returns the draws of the views that an epoch shows.

    Args:
        augmentation: what is drawn.
        seed: of the run.
        shown: from `views_shown`, int64 [count].
        views: K.
    """
    count = shown.shape[0]
    chosen = view_draws(augmentation, count, seed, 0)
    # One view after another: all at once would take K times the memory.
    for view in range(1, views):
        is_shown = shown == view
        found = view_draws(augmentation, count, seed, view)
        chosen = Draws(
            tf.where(is_shown[:, None], found.crop, chosen.crop),
            tf.where(is_shown, found.coin, chosen.coin),
        )
    return chosen


def _folded(seed: int, stream: int, number: int | tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(tf.constant([seed, stream], tf.int64), number)
