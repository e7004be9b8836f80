"""The losses that attacks maximise.

All are module-level functions, because compiled attacks are looked up by their loss.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf
from cleverhans.tf2.attacks.momentum_iterative_method import loss_fn as cross_entropy

from rnascl_tf.robustness.threat_model import RobustnessError

__all__ = [
    "FEWEST_CLASSES",
    "Loss",
    "cross_entropy",
    "dlr_loss",
    "margin_loss",
    "targeted_dlr_loss",
]

Loss: TypeAlias = Callable[..., tf.Tensor]
"""(labels [n], logits [n, classes]) -> [n]; a targeted loss takes the target classes [n] as well."""

_SMALLEST_GAP = 1e-12
"""Added to differences of logits before dividing by them, as the authors of DLR do: logits may be
equal. Its square, which gradients hold, is still a normal float32."""


def margin_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
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


def dlr_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Difference of logits ratio, (max_{j != y} z_j - z_y) / (z_1st - z_3rd).

    Unlike cross-entropy it does not change when the logits are shifted or scaled, so that large
    logits do not make its gradient vanish. Positive, without bound, exactly when the image is
    misclassified; otherwise from -1 to 0.

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


def targeted_dlr_loss(labels: tf.Tensor, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
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
    # Half of each difference, because the sum of two huge logits would overflow.
    gap = (largest[:, 0] - largest[:, 2]) / 2 + (largest[:, 0] - largest[:, 3]) / 2
    return rise / (gap + _SMALLEST_GAP)


FEWEST_CLASSES: dict[Loss, int] = {dlr_loss: 3, targeted_dlr_loss: 4}
"""The smallest number of classes for which a loss is defined; 2 for losses not listed."""


def _largest(logits: tf.Tensor, count: int, loss_name: str) -> tf.Tensor:
    classes = logits.shape[1]
    # Unknown in some graphs; attacks compute the loss once eagerly before theirs.
    if classes is not None and classes < count:
        raise RobustnessError(
            f"the {loss_name} loss needs {count} classes, the model has {classes}; "
            "use an attack on the cross-entropy or on the margin."
        )
    return tf.math.top_k(logits, count).values
