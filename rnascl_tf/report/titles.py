"""How tables and pictures call norms, attacks and epsilons."""

import math

NORM_TITLES = {"linf": "L-inf", "l2": "L2"}

ATTACK_TITLES = {
    "fgsm": "FGSM",
    "pgd20": "PGD-20",
    "mifgsm": "MI-FGSM",
    "cw": "CW",
    "autoattack": "AutoAttack",
}
"""Other attacks go by their names."""


def epsilon_text(epsilon: float) -> str:
    """Returns "8/255" for what is such a fraction, and a decimal otherwise."""
    steps = 255 * epsilon
    if steps > 0.5 and math.isclose(steps, round(steps), rel_tol=1e-6):
        return f"{round(steps)}/255"
    return f"{epsilon:g}"


def threat_title(norm: str, epsilon: float | str, space: str = "pixel") -> str:
    """Returns "L-inf epsilon 8/255, pixel space"; an epsilon that is text stays as it is."""
    text = epsilon if isinstance(epsilon, str) else epsilon_text(epsilon)
    return f"{NORM_TITLES[norm]} epsilon {text}, {space} space"
