"""Robustness: threat model, checks, attacks, evaluation, and the training attack."""

from rnascl_tf.robustness.attack import Attack, Cascade
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks import ATTACKS, attack_named
from rnascl_tf.robustness.evaluation import (
    adversarial_images,
    attack_outcomes,
    attack_record,
    evaluate,
)
from rnascl_tf.robustness.logits_function import BlackBoxFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon
from rnascl_tf.robustness.training_attack import projected_gradient
from rnascl_tf.robustness.wilson import wilson_interval

__all__ = [
    "ATTACKS",
    "Attack",
    "Attacker",
    "BlackBoxFunction",
    "Cascade",
    "RobustnessError",
    "ThreatModel",
    "adversarial_images",
    "attack_named",
    "attack_outcomes",
    "attack_record",
    "evaluate",
    "parse_epsilon",
    "projected_gradient",
    "wilson_interval",
]
