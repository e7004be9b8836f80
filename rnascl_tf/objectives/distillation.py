"""Eq. 2 (search) and eq. 3 (train): what the student minimises.

Eq. 3: CE(y, p) + KL(p, q) + gamma L_attn. Eq. 2 is the same sum times n_f, the price of the network.
"""

import typing

import tensorflow as tf

from rnascl_tf.objectives.attention import attention_loss
from rnascl_tf.objectives.divergence import cross_entropy, kl_divergence


class Terms(typing.NamedTuple):
    """The parts of one loss, float32 scalars; None for a part that a training without teacher lacks.

    Attributes:
        loss: what is minimised.
        cross_entropy: CE(y, p).
        divergence: KL(p, q).
        attention: L_attn, before gamma.
        cost_factor: n_f; 1 in eq. 3.
    """

    loss: tf.Tensor
    cross_entropy: tf.Tensor
    divergence: tf.Tensor | None = None
    attention: tf.Tensor | None = None
    cost_factor: tf.Tensor | None = None


def distillation_loss(
    labels,
    student_logits,
    student_maps,
    teacher_logits,
    teacher_maps,
    tutor_weights,
    gamma,
    cost_factor=1.0,
):
    """Returns the `Terms` of eq. 2, or of eq. 3 at `cost_factor` 1.

    Args:
        labels: integer [batch].
        student_logits: float [batch, classes].
        student_maps: float32 [batch, n_s, pixels].
        teacher_logits: float [batch, classes].
        teacher_maps: float32 [batch, n_t, pixels].
        tutor_weights: g, float32 [n_s, n_t].
        gamma: weight of the attention term (gamma_s in eq. 2, gamma_t in eq. 3).
        cost_factor: n_f, a differentiable scalar.
    """
    task = cross_entropy(labels, student_logits)
    divergence = kl_divergence(student_logits, teacher_logits)
    attention = attention_loss(student_maps, teacher_maps, tutor_weights)
    cost_factor = tf.convert_to_tensor(cost_factor, tf.float32)
    loss = (task + divergence + gamma * attention) * cost_factor
    return Terms(loss, task, divergence, attention, cost_factor)
