"""Accuracies under a list of attacks (docs/design.md, "Contracts")."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.attack_result import AttackResult
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.attack import Attack, Cascade
from rnascl_tf.robustness.attacks.registry import CLEAN, attack_named, known_attacks
from rnascl_tf.robustness.logits_function import AttackedModel
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel


def evaluate(
    model: AttackedModel,
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    attacks: Sequence[str],
    *,
    budget: str = "standard",
    **settings: Any,
) -> dict[str, dict[str, Any]]:
    """Measures accuracy under each attack; the results are ready for JSON.

    Args:
        model: a Keras model (called with training=False), another callable, images -> logits, or a
            `BlackBoxFunction`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what the attacks may change.
        attacks: names, see `attacks.attack_named`, and "clean".
        budget: attack budget of "autoattack", "standard" or "quick".
        **settings: batch_size, seed, on_batch, strategy, state, model_id, classes: see `Attacker`.

    Returns:
        {attack: values}, in the order asked for, see `AttackResult.to_json`.

    Raises:
        RobustnessError: unknown attack, or images, labels or model that the guard refuses.
    """
    names = known_attacks(attacks, budget)
    attacker = Attacker(model, images, labels, threat_model, **settings)
    for name in names:
        if name != CLEAN:
            attacker.check(attack_named(name, budget))
    return {name: run_attack(attacker, name, budget).to_json() for name in names}


def run_attack(attacker: Attacker, name: str, budget: str = "standard") -> AttackResult:
    """Runs one attack, or none for "clean".

    Args:
        attacker: the model and the images.
        name: an attack's name, or "clean".
        budget: attack budget of "autoattack".

    Raises:
        RobustnessError: the attack does not fit, or logits become NaN.
    """
    threat_model, outcomes = attacker.threat_model, attacker.outcomes
    epsilon, steps, keys, members = 0.0, 0, [CLEAN], {}
    if name == CLEAN:
        robust = attacker.clean()
    else:
        attack = attack_named(name, budget)
        robust = attacker.withstood(attack)
        epsilon, steps = threat_model.epsilon, attack.steps
        keys = [attack.key(member) for member in attack.members]
        if len(keys) > 1:
            members = {
                member.name: Accuracy.of(outcomes[key].standing)
                for member, key in zip(attack.members, keys, strict=True)
            }
    return AttackResult(
        accuracy=Accuracy.of(robust),
        epsilon=epsilon,
        steps=steps,
        norm=threat_model.norm,
        space=threat_model.space,
        seed=attacker.seed,
        seconds=sum(outcomes[key].seconds for key in keys),
        budget=budget if members else None,
        members=members,
    )


def attack_outcomes(
    model: AttackedModel,
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    attack: str | Attack | Cascade,
    **settings: Any,
) -> np.ndarray:
    """Says for each image whether the model withstands one attack.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what the attack may change.
        attack: a name, "clean", or the attack itself.
        **settings: as for `evaluate`.

    Returns:
        bool array [n], True where the image is classified correctly before and after the attack.

    Raises:
        RobustnessError: as `evaluate`.
    """
    if isinstance(attack, str):
        known_attacks([attack])  # before the model is tried
    attacker = Attacker(model, images, labels, threat_model, **settings)
    if attack == CLEAN:
        return attacker.clean()
    if isinstance(attack, str):
        attack = attack_named(attack)
    return attacker.withstood(attack)


def adversarial_images(
    model: AttackedModel,
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    attack: str | Attack,
    **settings: Any,
) -> np.ndarray:
    """Attacks every image, also those that are misclassified already, and returns the results.

    For trying them on another model, such as an exported file that has no gradients.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what the attack may change.
        attack: a name, an `Attack`, or "clean", which returns a copy of the images.
        **settings: as for `evaluate`.

    Returns:
        float32 of the images' shape, within epsilon of them and inside the bounds. Of an attack of
        several rounds, the first one's.

    Raises:
        RobustnessError: as `evaluate`; or the attack is a cascade, which has no images of its own.
    """
    if isinstance(attack, str):
        known_attacks([attack])  # before the model is tried
    attacker = Attacker(model, images, labels, threat_model, **settings)
    if attack == CLEAN:
        return attacker.images.copy()
    named = attack_named(attack) if isinstance(attack, str) else attack
    if isinstance(named, Cascade):
        raise RobustnessError(
            f"{named.name} is several attacks in a row and has no images of its own; give one of "
            f"{', '.join(member.name for member in named.members)}."
        )
    return attacker.perturbed(named)
