"""What makes a training robust, in one value: its attack, its labels, its average."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.objectives import smoothed_labels
from rnascl_tf.recipes.choices import NO_ATTACK
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training.adversarial.folded_network import FoldedNetwork
from rnascl_tf.training.adversarial.training_attack import TrainingAttack
from rnascl_tf.training.training_model import Batch

VALIDATION_STEPS = 10
"""Steps of the PGD that judges epochs, a quarter of epsilon each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardening:
    """What makes a training robust; the defaults leave it plain.

    Attack and validation share one generator of random starts, or have none.

    Attributes:
        attack: makes the images that the network trains on; None: the clean ones.
        beta: weight of the divergence of TRADES, and of no other attack.
        clean_weight: weight of the cross-entropy of the clean images beside that of the attacked ones;
            above 0 it needs an attack on the labels, and one more pass.
        validation: the attack under which `BestEpoch` judges, always against the labels; None:
            validation sees clean images only.
        label_smoothing: s of `objectives.smoothed_labels`, in [0, 1).
        average: largest decay of the weights' moving average, in [0, 1); 0 keeps none.
        self_distillation: largest part of the labels that the averaged network's own predictions
            replace, in [0, 1), see `SelfDistillation`; above 0 it needs `average`.
    """

    attack: TrainingAttack | None = None
    beta: float = 6.0
    clean_weight: float = 0.0
    validation: TrainingAttack | None = None
    label_smoothing: float = 0.0
    average: float = 0.0
    self_distillation: float = 0.0

    @property
    def by_trades(self) -> bool:
        """Whether the task term is that of TRADES."""
        return self.attack is not None and self.attack.kind.against == "prediction"

    def attacked(self, network: FoldedNetwork | None, batch: Batch) -> Batch:
        """Returns the batch with the images of the attack as "attacked"; without an attack, the batch.

        Args:
            network: what is attacked; None without an attack.
            batch: a training batch.

        Raises:
            ValueError: there is an attack and no network.
        """
        if self.attack is None:
            return batch
        if network is None:
            raise ValueError("an attack needs the network that it attacks.")
        logits = network.with_present_weights()
        return batch | {"attacked": self.attack(logits, batch["image"], batch["label"])}

    def labels(self, labels: tf.Tensor, classes: int) -> tf.Tensor:
        """Returns the labels as they are, or as float32 [batch, classes] where a part of them moves.

        Args:
            labels: integer [batch].
            classes: number of classes.
        """
        if not self.label_smoothing and not self.self_distillation:
            return labels
        return smoothed_labels(labels, classes, self.label_smoothing)

    @property
    def seed_generator(self) -> keras.random.SeedGenerator | None:
        """The generator of the attacks' random starts, if there is an attack."""
        used = self.attack or self.validation
        return None if used is None else used.seed_generator


PLAIN = Hardening()
"""A training on clean images and hard labels."""


def hardening_of(settings: Mapping[str, Any], threat_model: ThreatModel, seed: int) -> Hardening:
    """Returns what a config section of a training asks for.

    Args:
        settings: a config section with `attack`, and any of `attack_steps`,
            `attack_step_size`, `beta`, `clean_weight`, `label_smoothing`, `weight_average`,
            `self_distillation`.
        threat_model: of the attack; its epsilon is above 0 if there is one.
        seed: of the random starts.
    """
    plain = {
        "label_smoothing": settings.get("label_smoothing", 0.0),
        "average": settings.get("weight_average", 0.0),
        "self_distillation": settings.get("self_distillation", 0.0),
    }
    if settings["attack"] == NO_ATTACK:
        return Hardening(**plain)
    seeds = keras.random.SeedGenerator(seed)
    attack = TrainingAttack(
        settings["attack"],
        threat_model,
        seeds,
        settings["attack_steps"],
        settings["attack_step_size"],
    )
    return Hardening(
        attack=attack,
        beta=settings["beta"],
        clean_weight=settings.get("clean_weight", 0.0),
        validation=TrainingAttack("pgd", threat_model, seeds, VALIDATION_STEPS),
        **plain,
    )
