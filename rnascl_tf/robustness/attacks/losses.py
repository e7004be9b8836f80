"""Losses that attacks maximise, each (labels [n], logits [n, classes]) -> [n].

All are module-level functions, because compiled attacks are keyed on the loss they climb.
"""

import tensorflow as tf
from cleverhans.tf2.attacks.momentum_iterative_method import loss_fn as cross_entropy

from rnascl_tf.robustness.threat_model import RobustnessError

__all__ = ["FEWEST_CLASSES", "cross_entropy", "dlr_loss", "margin_loss", "targeted_dlr_loss"]

_SMALLEST_GAP = 1e-12
"""Added to differences of logits before dividing by them, as the authors of DLR do: logits may be
equal. Its square, which gradients hold, is still a normal float32."""


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


def dlr_loss(labels, logits):
    """Difference of logits ratio, (max_{j != y} z_j - z_y) / (z_1st - z_3rd).

    Unlike cross entropy it does not change if the logits are shifted or scaled, so that large
    logits do not make its gradient vanish. Positive exactly when the image is misclassified, and
    without bound there; otherwise from -1 to 0.

    Source: Croce and Hein (2020), arXiv 2003.01690, section 4.

    Args:
        labels: integer [n], the true classes y.
        logits: float32 [n, classes], z, with at least 3 classes; z_1st is the largest.

    Returns:
        float32 [n].

    Raises:
        RobustnessError: fewer classes.
    """
    largest = _largest(logits, 3, "DLR")
    return margin_loss(labels, logits) / (largest[:, 0] - largest[:, 2] + _SMALLEST_GAP)


def targeted_dlr_loss(labels, logits, targets):
    """DLR towards one class t, (z_t - z_y) / (z_1st - (z_3rd + z_4th) / 2).

    Positive exactly when t is more likely than y.

    Source: Croce and Hein (2020), arXiv 2003.01690, section 4.

    Args:
        labels: integer [n], the true classes y.
        logits: float32 [n, classes], z, with at least 4 classes; z_1st is the largest.
        targets: integer [n], the classes t.

    Returns:
        float32 [n].

    Raises:
        RobustnessError: fewer classes.
    """
    largest = _largest(logits, 4, "targeted DLR")
    rise = tf.gather(logits, targets, axis=1, batch_dims=1) - tf.gather(
        logits, labels, axis=1, batch_dims=1
    )
    # Halves of differences: the sum of two logits near the largest float would overflow.
    gap = (largest[:, 0] - largest[:, 2]) / 2 + (largest[:, 0] - largest[:, 3]) / 2
    return rise / (gap + _SMALLEST_GAP)


FEWEST_CLASSES = {dlr_loss: 3, targeted_dlr_loss: 4}
"""Of a model for which a loss is defined; 2 for those that are not listed."""


def _largest(logits, count, loss_name):
    classes = logits.shape[1]
    # A graph may not know its number of classes; attacks compute the loss once before theirs.
    if classes is not None and classes < count:
        raise RobustnessError(
            f"the {loss_name} loss needs {count} classes, the model has {classes}; "
            "use an attack on cross entropy or on the margin."
        )
    return tf.math.top_k(logits, count).values
