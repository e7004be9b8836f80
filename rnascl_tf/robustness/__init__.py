"""Robustness: threat model, checks, attacks by cleverhans, evaluation, and the training attack."""

from rnascl_tf.robustness.attacks import ATTACKS, Attack
from rnascl_tf.robustness.evaluation import adversarial_images, attack_outcomes, evaluate
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon
from rnascl_tf.robustness.training_attack import projected_gradient
from rnascl_tf.robustness.wilson import wilson_interval

__all__ = [
    "ATTACKS",
    "Attack",
    "RobustnessError",
    "ThreatModel",
    "adversarial_images",
    "attack_outcomes",
    "evaluate",
    "parse_epsilon",
    "projected_gradient",
    "wilson_interval",
]
