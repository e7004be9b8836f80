"""Accuracies under a list of attacks, as records ready for JSON (DESIGN section 3)."""

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.registry import CLEAN, attack_named, known_attacks
from rnascl_tf.robustness.wilson import wilson_interval


def evaluate(model, images, labels, threat_model, attacks, *, budget="standard", **settings):
    """Measures accuracy under each attack.

    Args:
        model: a Keras model (called with training=False), another callable, images -> logits, or a
            `BlackBoxFunction`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attacks: sequence of names, see `attacks.attack_named`, and "clean".
        budget: of "autoattack", "standard" or "quick".
        **settings: batch_size, seed, on_batch, strategy, state, model_id, classes: see `Attacker`.

    Returns:
        {attack: record}, in the order asked for, see `attack_record`.

    Raises:
        RobustnessError: unknown attack, or images, labels or model that the guard refuses.
    """
    names = known_attacks(attacks, budget)
    attacker = Attacker(model, images, labels, threat_model, **settings)
    for name in names:
        if name != CLEAN:
            attacker.check(attack_named(name, budget))
    return {name: attack_record(attacker, name, budget) for name in names}


def attack_record(attacker, name, budget="standard"):
    """Runs one attack and returns its record.

    Args:
        attacker: an `Attacker`.
        name: an attack's name, or "clean".
        budget: of "autoattack".

    Returns:
        {"accuracy": fraction of the n images still correct, "n", "interval": [low, high] (95%
        Wilson), "epsilon" (0 for clean), "steps" (of one round; 0 for clean), "norm", "space",
        "seed", "seconds"}; for a cascade also "budget" and "attacks": {member: accuracy after it}.
    """
    threat_model = attacker.threat_model
    if name == CLEAN:
        robust = attacker.clean()
        steps, keys, extras = 0, [CLEAN], {}
    else:
        attack = attack_named(name, budget)
        robust = attacker.withstood(attack)
        keys = [attack.key(member) for member in attack.members]
        steps, extras = attack.steps, {}
        if len(keys) > 1:
            reached = {
                member.name: float(attacker.outcomes[key].standing.mean())
                for member, key in zip(attack.members, keys, strict=True)
            }
            extras = {"budget": budget, "attacks": reached}
    count = len(robust)
    return {
        "accuracy": float(robust.mean()),
        "n": count,
        "interval": list(wilson_interval(robust.sum(), count)),
        "epsilon": 0.0 if name == CLEAN else threat_model.epsilon,
        "steps": steps,
        "norm": threat_model.norm,
        "space": threat_model.space,
        "seed": attacker.seed,
        "seconds": sum(attacker.outcomes[key].seconds for key in keys),
        **extras,
    }


def attack_outcomes(model, images, labels, threat_model, attack, **settings):
    """Says for each image whether the model withstands one attack.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attack: a name, "clean", an `Attack` or a `Cascade`.
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


def adversarial_images(model, images, labels, threat_model, attack, **settings):
    """Attacks every image, also those that are misclassified already, and returns the results.

    For trying them on another model, such as an exported file that has no gradients.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attack: a name, an `Attack`, or "clean", which returns a copy of the images.
        **settings: as for `evaluate`.

    Returns:
        float32 of the images' shape, within epsilon of them and inside the bounds. Of an attack of
        several rounds, the first one's.

    Raises:
        RobustnessError: as `evaluate`.
    """
    if isinstance(attack, str):
        known_attacks([attack])  # before the model is tried
    attacker = Attacker(model, images, labels, threat_model, **settings)
    if attack == CLEAN:
        return attacker.images.copy()
    if isinstance(attack, str):
        attack = attack_named(attack)
    return attacker.perturbed(attack)
