"""KL(p, q), the distillation term of eq. 2 and eq. 3, and the cross-entropy beside it."""

import tensorflow as tf


def kl_divergence(student_logits: tf.Tensor, teacher_logits: tf.Tensor) -> tf.Tensor:
    """Returns sum_k p_k log(p_k / q_k), mean over the batch, a float32 scalar of at least 0.

    p is the student and q the teacher, in that order (paper, eq. 2). Summed over classes.

    Args:
        student_logits: float [batch, classes].
        teacher_logits: float [batch, classes].
    """
    student = tf.nn.log_softmax(tf.cast(student_logits, tf.float32))
    teacher = tf.nn.log_softmax(tf.cast(teacher_logits, tf.float32))
    return tf.reduce_mean(tf.reduce_sum(tf.exp(student) * (student - teacher), axis=-1))


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns CE(y, p), mean over the batch, a float32 scalar.

    Args:
        labels: integer [batch].
        logits: float [batch, classes].
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    )
