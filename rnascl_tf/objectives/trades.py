"""TRADES (Zhang et al. 2019): accuracy on clean images and agreement on attacked ones.

CE(y, p(x)) + beta KL(p(x) || p(x')), with x' the image near x that maximises the same divergence.
"""

import typing

import tensorflow as tf

from rnascl_tf.objectives.divergence import cross_entropy


class TradesTerms(typing.NamedTuple):
    """The parts of the TRADES loss, float32 scalars.

    Attributes:
        loss: what is minimised.
        cross_entropy: CE(y, p(x)), on the clean images.
        adversarial_divergence: KL(p(x) || p(x')), mean over the batch, before beta.
    """

    loss: tf.Tensor
    cross_entropy: tf.Tensor
    adversarial_divergence: tf.Tensor


def prediction_divergence(clean_logits: tf.Tensor, adversarial_logits: tf.Tensor) -> tf.Tensor:
    """Returns sum_k p_k log(p_k / p'_k) of every image, float32 [batch].

    Differentiable in both arguments. Where they are equal its gradient is exactly zero, so an
    attack that maximises it must not start at the clean image.

    Args:
        clean_logits: float [batch, classes], of p = p(x).
        adversarial_logits: float [batch, classes], of p' = p(x').
    """
    clean = tf.nn.log_softmax(tf.cast(clean_logits, tf.float32))
    adversarial = tf.nn.log_softmax(tf.cast(adversarial_logits, tf.float32))
    return tf.reduce_sum(tf.exp(clean) * (clean - adversarial), axis=-1)


def trades_loss(
    labels: tf.Tensor, clean_logits: tf.Tensor, adversarial_logits: tf.Tensor, beta: float
) -> TradesTerms:
    """Returns the `TradesTerms` of one batch; the gradient flows through both logits.

    Args:
        labels: as for `cross_entropy`.
        clean_logits: float [batch, classes].
        adversarial_logits: float [batch, classes].
        beta: weight of the divergence, 0 or more; the paper's 1/lambda.
    """
    task = cross_entropy(labels, clean_logits)
    divergence = tf.reduce_mean(prediction_divergence(clean_logits, adversarial_logits))
    return TradesTerms(task + beta * divergence, task, divergence)
