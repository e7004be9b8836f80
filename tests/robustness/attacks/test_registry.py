import pytest

from rnascl_tf.robustness.attacks.losses import cross_entropy, margin_loss
from rnascl_tf.robustness.attacks.registry import ATTACKS, attack_named, known_attacks
from rnascl_tf.robustness.threat_model import RobustnessError


def test_table_holds_the_protocol_of_the_paper():
    # Steps and step sizes in units of 1/255 at epsilon 8/255, DESIGN section 5.
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
