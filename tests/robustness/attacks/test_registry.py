import dataclasses
import importlib
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from rnascl_tf.robustness import attacks, evaluate
from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.attacks.autoattack import SUITES
from rnascl_tf.robustness.attacks.losses import cross_entropy, margin_loss
from rnascl_tf.robustness.attacks.registry import (
    ATTACK_BUDGETS,
    ATTACKS,
    AUTOATTACK,
    attack_named,
    known_attacks,
)
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

ROOT = Path(__file__).resolve().parents[3]


def test_table_holds_the_protocol_of_the_paper():
    # Steps and step sizes in units of 1/255 at epsilon 8/255, docs/design.md, "Evaluation".
    rows = {
        name: (attack.steps, attack.step_fraction * 8, attack.random_start, attack.momentum)
        for name in ("fgsm", "bim", "pgd20", "mifgsm", "cw")
        for attack in [ATTACKS[name]]
    }
    assert rows == {
        "fgsm": (1, 8.0, False, None),
        "bim": (20, 2.0, False, None),
        "pgd20": (20, 2.0, True, None),
        "mifgsm": (20, 0.8, False, 1.0),
        "cw": (20, 2.0, True, None),
    }
    assert ATTACKS["cw"].loss is margin_loss
    assert {ATTACKS[name].loss for name in rows if name != "cw"} == {cross_entropy}


@pytest.mark.parametrize(
    ("name", "steps", "restarts", "fraction"),
    [
        ("pgd5", 5, 1, 0.25),
        ("pgd20x7", 20, 7, 0.25),
        ("pgd50x5", 50, 5, 0.05),
        ("pgd100", 100, 1, 0.025),
    ],
)
def test_pgd_of_any_length(name, steps, restarts, fraction):
    attack = attack_named(name)
    assert (attack.name, attack.steps, attack.rounds(10)) == (name, steps, restarts)
    assert attack.step_fraction == pytest.approx(fraction)
    assert attack.random_start
    # The first restart walks the path of the attack without restarts.
    assert attack.stream == f"pgd{steps}"


def test_a_name_from_the_table_is_that_row():
    assert attack_named("pgd20") is ATTACKS["pgd20"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["pdg20"], r"unknown attack 'pdg20' .did you mean pgd20\?.; known: clean, fgsm, bim"),
        (["clean", "FGSM"], "did you mean fgsm"),
        (["pgd0"], "unknown attack 'pgd0'"),
        (["pgd20x0"], "unknown attack 'pgd20x0'"),
        (["pgd"], "pgd<steps>x<restarts>"),
        ([None], "unknown attack None"),
        ([], "no attack is named"),
        ("fgsm,cw", r"the text 'fgsm,cw'; pass a list of names, \['fgsm', 'cw'\]"),
    ],
)
def test_refused_names(names, message):
    with pytest.raises(RobustnessError, match=message):
        known_attacks(names)


def test_the_table_lists_every_attack_of_every_file():
    defined = {}
    for file in pkgutil.iter_modules(attacks.__path__):
        module = importlib.import_module(f"{attacks.__name__}.{file.name}")
        for variable, value in vars(module).items():
            if isinstance(value, Attack) and type(value).__module__ == module.__name__:
                defined[value.name] = f"{file.name}:{variable}"
    assert defined == ATTACKS.places
    assert list(ATTACKS) == [attack.name for attack in ATTACKS.values()]
    assert len(ATTACKS) == len(defined)
    assert "autoattack" not in ATTACKS


def test_each_attack_budget_has_a_suite():
    assert tuple(SUITES) == ATTACK_BUDGETS
    for attack_budget in ATTACK_BUDGETS:
        assert attack_named(AUTOATTACK, attack_budget) is SUITES[attack_budget]
    with pytest.raises(RobustnessError, match="budget is 'slow'; known budgets: standard, quick"):
        known_attacks(["autoattack"], "slow")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Brightening(Attack):
    share: float = 1.0

    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        del logits, labels, randomness, attack_round
        return np.minimum(images + np.float32(self.share * threat_model.epsilon), 1.0)


def test_a_file_and_a_line_add_an_attack(linear_model, examples, monkeypatch):
    file = types.SimpleNamespace(BRIGHTENING=Brightening("brighter", 1, share=0.9))
    monkeypatch.setitem(sys.modules, "rnascl_tf.robustness.attacks.brightening", file)
    monkeypatch.setitem(ATTACKS.places, "brighter", "brightening:BRIGHTENING")
    assert known_attacks(["clean", "brighter"]) == ["clean", "brighter"]
    result = evaluate(linear_model, *examples, ThreatModel(0.1), ["brighter"])["brighter"]
    assert result["steps"] == 1
    with pytest.raises(RobustnessError, match=r"did you mean brighter\?"):
        known_attacks(["bright"])


def test_names_are_known_without_tensorflow():
    code = """
import sys
from rnascl_tf.robustness.attacks.registry import ATTACK_BUDGETS, ATTACKS, known_attacks
from rnascl_tf.robustness.attacks.requested_attack import parse_attack
from rnascl_tf.robustness.threat_model import ThreatModel
known_attacks([*ATTACKS, "autoattack", "pgd7x3"], ATTACK_BUDGETS[0])
parse_attack("pgd20@2/255", ThreatModel(0.1))
print({"tensorflow", "keras", "cleverhans"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


# Outcomes that earlier versions stored name their attacks so.
STORED = {
    "fgsm": "GradientSteps(name='fgsm', steps=1, step_fraction=1.0, random_start=False, "
    "loss=loss_fn, momentum=None, restarts=1, stream='')",
    "mifgsm": "GradientSteps(name='mifgsm', steps=20, step_fraction=0.1, random_start=False, "
    "loss=loss_fn, momentum=1.0, restarts=1, stream='')",
    "cw": "GradientSteps(name='cw', steps=20, step_fraction=0.25, random_start=True, "
    "loss=margin_loss, momentum=None, restarts=1, stream='')",
    "cwl2": "CarliniWagnerL2(name='cwl2', steps=1200, searches=6, learning_rate=0.02, "
    "first_constant=0.01, confidence=0.0)",
    "spsa": "Spsa(name='spsa', steps=40, samples=128, delta=0.01, learning_rate=0.01)",
    "square": "Square(name='square', steps=5000, first_share=0.8)",
    "apgd-ce": "Apgd(name='apgd-ce', steps=100, loss=loss_fn)",
    "apgd-t": "ApgdTargeted(name='apgd-t', steps=100, loss=targeted_dlr_loss, targets=9)",
    "fab-t": "FabTargeted(name='fab-t', steps=100, targets=9, alpha_max=0.1, eta=1.05, beta=0.9)",
    "pgd100x5": "GradientSteps(name='pgd100x5', steps=100, step_fraction=0.025, "
    "random_start=True, loss=loss_fn, momentum=None, restarts=5, stream='pgd100')",
}
STORED_QUICK = [
    "Apgd(name='apgd-ce', steps=40, loss=loss_fn)",
    "ApgdTargeted(name='apgd-t', steps=40, loss=targeted_dlr_loss, targets=3)",
    "FabTargeted(name='fab-t', steps=20, targets=3, alpha_max=0.1, eta=1.05, beta=0.9)",
    "Square(name='square', steps=1000, first_share=0.8)",
]


def test_stored_outcomes_are_recognised():
    assert {name: attack_named(name).definition() for name in STORED} == STORED
    assert [attack.definition() for attack in SUITES["quick"].members] == STORED_QUICK
    assert [attack.name for attack in SUITES["standard"].members] == [
        "apgd-ce",
        "apgd-t",
        "fab-t",
        "square",
    ]
