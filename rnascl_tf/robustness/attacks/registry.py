"""The attacks that flags, configs and records know by name (DESIGN sections 3 and 5)."""

import re

from rnascl_tf.robustness.attacks import autoattack
from rnascl_tf.robustness.attacks.carlini_wagner_l2 import CarliniWagnerL2
from rnascl_tf.robustness.attacks.gradient_steps import GradientSteps
from rnascl_tf.robustness.attacks.losses import cross_entropy, margin_loss
from rnascl_tf.robustness.attacks.spsa import Spsa
from rnascl_tf.robustness.attacks.square import Square
from rnascl_tf.robustness.threat_model import RobustnessError
from rnascl_tf.spelling import did_you_mean

CLEAN = "clean"

ATTACKS = {
    attack.name: attack
    for attack in (
        GradientSteps("fgsm", 1, 1.0, random_start=False, loss=cross_entropy),
        GradientSteps("bim", 20, 1 / 4, random_start=False, loss=cross_entropy),
        GradientSteps("pgd20", 20, 1 / 4, random_start=True, loss=cross_entropy),
        GradientSteps("mifgsm", 20, 1 / 10, random_start=False, loss=cross_entropy, momentum=1.0),
        GradientSteps("cw", 20, 1 / 4, random_start=True, loss=margin_loss),
        # Tanh space all but freezes pixels at the bounds, and digits have many: twice the usual rate.
        CarliniWagnerL2("cwl2", 1200, learning_rate=0.02),
        Spsa("spsa", 40),  # about as many queries as Square
        Square("square", 5000),
        *autoattack.BUDGETS["standard"].members[:3],
    )
}
"""Steps and step sizes of the first five are the paper's; BIM has PGD's."""

PGD = re.compile(r"pgd([1-9]\d{0,3})(?:x([1-9]\d{0,2}))?")


def attack_named(name, budget="standard"):
    """Returns one attack.

    Args:
        name: a name from the table, pgd<steps> or pgd<steps>x<restarts> (pgd100, pgd50x5), or
            "autoattack".
        budget: of "autoattack": "standard" or "quick".

    Returns:
        An `Attack`, or the `Cascade` of autoattack.

    Raises:
        RobustnessError: an unknown name.
    """
    if name in ATTACKS:
        return ATTACKS[name]
    if name == autoattack.NAME:
        return _budgeted(budget)
    match = PGD.fullmatch(str(name))
    if match:
        steps, restarts = int(match[1]), int(match[2] or 1)
        # Madry et al. (2018): 2.5 epsilon / steps, which lets the path cross the ball; PGD-20 keeps
        # the paper's larger step.
        fraction = min(1 / 4, 2.5 / steps) if steps != 20 else 1 / 4
        return GradientSteps(
            name,
            steps,
            fraction,
            random_start=True,
            loss=cross_entropy,
            restarts=restarts,
            # The first restart is the attack without restarts: more can only lower the accuracy.
            stream=f"pgd{steps}",
        )
    known = _known()
    raise RobustnessError(
        f"unknown attack {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}, "
        "pgd<steps>, pgd<steps>x<restarts>."
    )


def known_attacks(names, budget="standard"):
    """Checks attack names.

    Args:
        names: a sequence of names as for `attack_named`, or "clean".
        budget: of "autoattack".

    Returns:
        The names as a list, in the given order.

    Raises:
        RobustnessError: an unknown name, none at all, or one text in place of a sequence.
    """
    if isinstance(names, str):
        raise RobustnessError(
            f"attacks is the text {names!r}; pass a list of names, {names.split(',')}."
        )
    names = list(names)
    if not names:
        raise RobustnessError(f"no attack is named; choose from {', '.join(_known())}.")
    for name in names:
        if name != CLEAN:
            attack_named(name, budget)
    return names


def _known():
    return [CLEAN, *ATTACKS, autoattack.NAME]


def _budgeted(budget):
    if budget not in autoattack.BUDGETS:
        raise RobustnessError(
            f"budget is {budget!r}; known budgets: {', '.join(autoattack.BUDGETS)}."
        )
    return autoattack.BUDGETS[budget]
