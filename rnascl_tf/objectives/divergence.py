"""KL(p, q), the distillation term of eq. 2 and eq. 3, and the cross-entropy beside it."""

import tensorflow as tf

KL_FIRST = ("student", "teacher")
"""Values of `method.kl_first`: whose prediction stands first in the divergence."""


def kl_divergence(
    student_logits: tf.Tensor, teacher_logits: tf.Tensor, first: str = "student"
) -> tf.Tensor:
    """Returns sum_k p_k log(p_k / q_k), mean over the batch, a float32 scalar of at least 0.

    p is the student and q the teacher, in that order (paper, eq. 2). Summed over classes.

    Args:
        student_logits: float [batch, classes].
        teacher_logits: float [batch, classes].
        first: whose prediction stands first, one of `KL_FIRST`: "student" for KL(p, q), as in the
            paper; "teacher" for KL(q, p), as in Hinton et al. (2015).
    """
    p = tf.nn.log_softmax(tf.cast(student_logits, tf.float32))
    q = tf.nn.log_softmax(tf.cast(teacher_logits, tf.float32))
    if first == "teacher":
        p, q = q, p
    return tf.reduce_mean(tf.reduce_sum(tf.exp(p) * (p - q), axis=-1))


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns CE(y, p), mean over the batch, a float32 scalar.

    Args:
        labels: integer [batch], or float [batch, classes], a distribution for each image.
        logits: float [batch, classes].
    """
    labels, logits = tf.convert_to_tensor(labels), tf.cast(logits, tf.float32)
    if labels.dtype.is_floating:
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def smoothed_labels(labels: tf.Tensor, classes: int, smoothing: float) -> tf.Tensor:
    """Returns (1 - s) y + s / classes, float32 [batch, classes] (Szegedy et al. 2016, section 7).

    Args:
        labels: integer [batch].
        classes: number of classes.
        smoothing: s in [0, 1).
    """
    return (1.0 - smoothing) * tf.one_hot(labels, classes) + smoothing / classes
