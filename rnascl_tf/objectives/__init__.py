"""Losses of the method: eq. 1, eq. 2, eq. 3."""

from rnascl_tf.objectives.attention import attention_loss, pairwise_distances
from rnascl_tf.objectives.authors_cost import AuthorsCost
from rnascl_tf.objectives.cost import ExpectedMacs, Free, Price
from rnascl_tf.objectives.cost_models import COST_MODELS, Steered, cost_model
from rnascl_tf.objectives.distillation import Terms, distillation_loss
from rnascl_tf.objectives.divergence import cross_entropy, kl_divergence
from rnascl_tf.objectives.latency_cost import ExpectedLatency

__all__ = [
    "COST_MODELS",
    "AuthorsCost",
    "ExpectedLatency",
    "ExpectedMacs",
    "Free",
    "Price",
    "Steered",
    "Terms",
    "attention_loss",
    "cost_model",
    "cross_entropy",
    "distillation_loss",
    "kl_divergence",
    "pairwise_distances",
]
