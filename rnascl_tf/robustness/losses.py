"""Losses that attacks maximise, each (labels [n], logits [n, classes]) -> [n].

All are module-level functions, because compiled attacks are keyed on the loss they climb.
"""

import tensorflow as tf
from cleverhans.tf2.attacks.momentum_iterative_method import loss_fn as cross_entropy

__all__ = ["cross_entropy", "margin_loss"]


def margin_loss(labels, logits):
    """CW's loss f = max_{j != y} z_j - z_y, positive exactly when the image is misclassified.

    Source: Carlini and Wagner (2017), f_6 without its clipping.

    Args:
        labels: integer [n], the true classes y.
        logits: float32 [n, classes], z.

    Returns:
        float32 [n].
    """
    is_true_class = tf.one_hot(labels, tf.shape(logits)[1], on_value=True, off_value=False)
    best_other = tf.reduce_max(tf.where(is_true_class, logits.dtype.min, logits), axis=1)
    return best_other - tf.gather(logits, labels, axis=1, batch_dims=1)
