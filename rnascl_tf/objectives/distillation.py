"""Eq. 2 (search) and eq. 3 (train): what the student minimises.

Eq. 3: CE(y, p) + KL(p, q) + gamma L_attn. Eq. 2 is the same sum times n_f, the price of the network.
"""

import typing

import tensorflow as tf

from rnascl_tf.objectives.attention import attention_loss
from rnascl_tf.objectives.divergence import kl_divergence


class Terms(typing.NamedTuple):
    """The parts of one loss, float32 scalars; None for a part that a training leaves out.

    Attributes:
        loss: what is minimised.
        cross_entropy: CE(y, p), or the task term in its place.
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
    task: tf.Tensor,
    student_logits: tf.Tensor,
    student_maps: tf.Tensor | None,
    teacher_logits: tf.Tensor | None,
    teacher_maps: tf.Tensor | None,
    *,
    tutor_weights: tf.Tensor | None,
    gamma: float,
    kl: bool = True,
    kl_first: str = "student",
    cost_factor: float | tf.Tensor = 1.0,
) -> Terms:
    """Returns the `Terms` of eq. 2, or of eq. 3 at `cost_factor` 1.

    Args:
        task: CE(y, p), or the term in its place (TRADES); a float32 scalar.
        student_logits: float [batch, classes].
        student_maps: float32 [batch, n_s, pixels]; needed with `tutor_weights`.
        teacher_logits: float [batch, classes]; needed with `kl`.
        teacher_maps: float32 [batch, n_t, pixels]; needed with `tutor_weights`.
        tutor_weights: g, float32 [n_s, n_t]; None leaves the attention term out.
        gamma: weight of the attention term (gamma_s in eq. 2, gamma_t in eq. 3).
        kl: whether the KL term is included.
        kl_first: whose prediction stands first in it, one of `divergence.KL_FIRST`.
        cost_factor: n_f, a differentiable scalar.
    """
    loss, divergence, attention = task, None, None
    if kl:
        divergence = kl_divergence(student_logits, teacher_logits, kl_first)
        loss += divergence
    if tutor_weights is not None:
        attention = attention_loss(student_maps, teacher_maps, tutor_weights)
        loss += gamma * attention
    cost_factor = tf.convert_to_tensor(cost_factor, tf.float32)
    return Terms(loss * cost_factor, task, divergence, attention, cost_factor)
