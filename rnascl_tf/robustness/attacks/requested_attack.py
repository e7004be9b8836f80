"""An attack as configs ask for it: by name, or by name and an epsilon of its own, `pgd20@2/255`."""

import dataclasses

from rnascl_tf.robustness.attacks.registry import CLEAN, known_attacks
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon

SEPARATOR = "@"


def parse_attack(text: str, threat_model: ThreatModel) -> tuple[str, ThreatModel]:
    """Reads one requested attack.

    Args:
        text: "pgd20" for the threat model's epsilon, or "pgd20@2/255" for another.
        threat_model: the run's.

    Returns:
        The attack's name or "clean", and the threat model with the requested epsilon.

    Raises:
        RobustnessError: an unknown name, a malformed epsilon, or an epsilon for clean images.
    """
    name, separator, epsilon = text.partition(SEPARATOR)
    (name,) = known_attacks([name])
    if not separator:
        return name, threat_model
    if name == CLEAN:
        raise RobustnessError(f"{text!r}: clean images have no epsilon; write {CLEAN!r}.")
    return name, dataclasses.replace(threat_model, epsilon=parse_epsilon(epsilon))
