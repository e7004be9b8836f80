"""The attacks that flags, configs and records know by name.

Looking up names does not import TensorFlow; an attack's file is imported when the attack is used.

To add an attack:
1. Write `attacks/NAME.py`: a frozen dataclass derived from `Attack`, or from `GraphAttack` if it is one
   compiled graph, with its `perturb`.
2. At the end of that file create the attack that users get, `NAME = ThatClass("name", steps)`.
3. Add one line to `ATTACKS` below: "name": "NAME:NAME" (the file and the variable in it).
4. Write `tests/robustness/attacks/test_NAME.py`.
5. Run that test and `test_registry.py`, which compares this table with the files.
"""

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnascl_tf.robustness.threat_model import RobustnessError
from rnascl_tf.spelling import did_you_mean

if TYPE_CHECKING:  # these import TensorFlow
    from rnascl_tf.robustness.attacks.attack import Attack, Cascade

CLEAN = "clean"
"""In place of an attack's name: the images as they are."""

AUTOATTACK = "autoattack"

ATTACK_BUDGETS = ("standard", "quick")
"""How much AutoAttack tries: the keys of `autoattack.SUITES`."""

_PACKAGE = "rnascl_tf.robustness.attacks"


class AttackTable(Mapping[str, "Attack"]):
    """{name: attack}; an attack's file is imported when the attack is looked up.

    Attributes:
        places: {name: "FILE:VARIABLE"}, where FILE is in this folder.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = dict(places)

    def __getitem__(self, name: str) -> "Attack":
        attack: Attack = _loaded(self.places[name])
        return attack

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


ATTACKS = AttackTable(
    {
        "fgsm": "gradient_steps:FGSM",
        "bim": "gradient_steps:BIM",
        "pgd20": "gradient_steps:PGD20",
        "mifgsm": "gradient_steps:MI_FGSM",
        "cw": "gradient_steps:CARLINI_WAGNER",
        "cwl2": "carlini_wagner_l2:CARLINI_WAGNER_L2",
        "spsa": "spsa:SPSA",
        "square": "square:SQUARE",
        "apgd-ce": "apgd:APGD_CE",
        "apgd-t": "apgd_targeted:APGD_T",
        "fab-t": "fab:FAB_T",
    }
)

_PGD = re.compile(r"pgd([1-9]\d{0,3})(?:x([1-9]\d{0,2}))?")


def attack_named(name: str, attack_budget: str = "standard") -> "Attack | Cascade":
    """Returns one attack.

    Args:
        name: from `ATTACKS`, pgd<steps> or pgd<steps>x<restarts> (pgd100, pgd50x5), or "autoattack".
        attack_budget: for "autoattack": one of `ATTACK_BUDGETS`.

    Raises:
        RobustnessError: an unknown name or attack budget.
    """
    check_name(name, attack_budget)
    if name in ATTACKS:
        return ATTACKS[name]
    if name == AUTOATTACK:
        suite: Cascade = _loaded("autoattack:SUITES")[attack_budget]
        return suite
    steps, restarts = _PGD.fullmatch(name).groups("1")  # type: ignore[union-attr]  # was checked
    attack: Attack = _loaded("gradient_steps:pgd")(name, int(steps), int(restarts))
    return attack


def check_name(name: str, attack_budget: str = "standard") -> None:
    """Raises RobustnessError unless `attack_named` knows the name; imports no attack."""
    if name == AUTOATTACK:
        if attack_budget not in ATTACK_BUDGETS:
            raise RobustnessError(
                f"budget is {attack_budget!r}; known budgets: {', '.join(ATTACK_BUDGETS)}."
            )
        return
    if name in ATTACKS or _PGD.fullmatch(str(name)):
        return
    known = _known()
    raise RobustnessError(
        f"unknown attack {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}, "
        "pgd<steps>, pgd<steps>x<restarts>."
    )


def known_attacks(names: Sequence[str], attack_budget: str = "standard") -> list[str]:
    """Checks attack names, without importing any attack.

    Args:
        names: as for `attack_named`, or "clean".
        attack_budget: for "autoattack".

    Returns:
        The names, in the given order.

    Raises:
        RobustnessError: an unknown name, no name at all, or one text in place of a sequence.
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
            check_name(name, attack_budget)
    return names


def _loaded(place: str) -> Any:
    """Imports "FILE:VARIABLE" of this folder."""
    file, variable = place.split(":")
    return getattr(importlib.import_module(f"{_PACKAGE}.{file}"), variable)


def _known() -> list[str]:
    return [CLEAN, *ATTACKS, AUTOATTACK]
