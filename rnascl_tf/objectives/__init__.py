"""Losses of the method: eq. 1, eq. 2, eq. 3."""

from rnascl_tf.objectives.attention import attention_loss, pairwise_distances
from rnascl_tf.objectives.cost import ExpectedMacs
from rnascl_tf.objectives.distillation import Terms, distillation_loss
from rnascl_tf.objectives.divergence import cross_entropy, kl_divergence

__all__ = [
    "ExpectedMacs",
    "Terms",
    "attention_loss",
    "cross_entropy",
    "distillation_loss",
    "kl_divergence",
    "pairwise_distances",
]
