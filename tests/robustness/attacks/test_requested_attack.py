import pytest

from rnascl_tf.robustness.attacks.requested_attack import parse_attack
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

THREAT_MODEL = ThreatModel(8 / 255, bounds=(0.1, 0.9))


@pytest.mark.parametrize("name", ["clean", "pgd20", "cw"])
def test_a_name_alone_is_at_the_runs_epsilon(name):
    assert parse_attack(name, THREAT_MODEL) == (name, THREAT_MODEL)


@pytest.mark.parametrize(("text", "epsilon"), [("2/255", 2 / 255), ("0.03", 0.03), ("0", 0.0)])
def test_an_epsilon_of_its_own_changes_nothing_else(text, epsilon):
    attack, threat_model = parse_attack(f"pgd20@{text}", THREAT_MODEL)
    assert attack == "pgd20"
    assert threat_model == ThreatModel(epsilon, bounds=(0.1, 0.9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pdg20", "unknown attack 'pdg20' .did you mean pgd20"),
        ("pdg20@2/255", "unknown attack 'pdg20'"),
        ("@2/255", "unknown attack ''"),
        ("pgd20@", "neither a fraction nor a decimal"),
        ("pgd20@2/255@3", "neither a fraction nor a decimal"),
        ("pgd20@8", "divide it by 255"),
        ("clean@2/255", "clean images have no epsilon"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(RobustnessError, match=message):
        parse_attack(text, THREAT_MODEL)
