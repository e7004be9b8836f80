"""Eq. 1: the cross-layer attention loss.

L_attn = 1/(n_s n_t) sum_ij g_ij || F_s^i - F_t^j ||_2, the norm not squared, mean over the batch.
"""

import tensorflow as tf

SQUARED_DISTANCE_FLOOR = 1e-12
"""Keeps the square root's gradient finite where two maps are equal: distances err by up to 1e-6
there, and by about 5e-4 through float32 cancellation in the inner product (docs/design.md, "The
method")."""


def pairwise_distances(student_maps: tf.Tensor, teacher_maps: tf.Tensor) -> tf.Tensor:
    """Returns ||F_s^i - F_t^j||_2 of all pairs, float32 [batch, n_s, n_t], from one inner product.

    Args:
        student_maps: float32 [batch, n_s, pixels].
        teacher_maps: float32 [batch, n_t, pixels].
    """
    inner = tf.matmul(student_maps, teacher_maps, transpose_b=True)
    student_squares = tf.reduce_sum(tf.square(student_maps), axis=-1)[:, :, None]
    teacher_squares = tf.reduce_sum(tf.square(teacher_maps), axis=-1)[:, None, :]
    # The squares are 1 for normalised maps; computed, they are also right for an all-zero map.
    squared = student_squares + teacher_squares - 2.0 * inner
    return tf.sqrt(tf.maximum(squared, SQUARED_DISTANCE_FLOOR))


def attention_loss(
    student_maps: tf.Tensor, teacher_maps: tf.Tensor, tutor_weights: tf.Tensor
) -> tf.Tensor:
    """Returns L_attn of eq. 1, a float32 scalar.

    Args:
        student_maps: float32 [batch, n_s, pixels], normalised per sample.
        teacher_maps: float32 [batch, n_t, pixels], normalised per sample.
        tutor_weights: g, float32 [n_s, n_t]: Gumbel-softmax weights in search, one-hot in training.
    """
    distances = tf.reduce_mean(pairwise_distances(student_maps, teacher_maps), axis=0)
    return tf.reduce_mean(tutor_weights * distances)
