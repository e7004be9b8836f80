"""An attack as configs ask for it: by name, or by name and an epsilon of its own, `pgd20@2/255`."""

import dataclasses

from rnascl_tf.robustness.attacks.registry import CLEAN, known_attacks
from rnascl_tf.robustness.threat_model import RobustnessError, parse_epsilon

SEPARATOR = "@"


def parse_attack(text, threat_model):
    """Reads one requested attack.

    Args:
        text: "pgd20", at the threat model's epsilon, or "pgd20@2/255", at the one given.
        threat_model: the run's `ThreatModel`.

    Returns:
        (name in the table of attacks or "clean", `ThreatModel` with the request's epsilon).

    Raises:
        RobustnessError: an unknown name, an epsilon that is none, or one for clean images.
    """
    name, separator, epsilon = text.partition(SEPARATOR)
    (name,) = known_attacks([name])
    if not separator:
        return name, threat_model
    if name == CLEAN:
        raise RobustnessError(f"{text!r}: clean images have no epsilon; write {CLEAN!r}.")
    return name, dataclasses.replace(threat_model, epsilon=parse_epsilon(epsilon))
