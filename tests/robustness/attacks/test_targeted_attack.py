"""Rounds of attacks that aim at one wrong class after the other."""

import dataclasses

import pytest

from rnascl_tf.robustness.attacks.apgd_targeted import APGD_T
from rnascl_tf.robustness.attacks.fab import FAB_T
from rnascl_tf.robustness.threat_model import RobustnessError


@pytest.mark.parametrize("attack", [APGD_T, FAB_T], ids=lambda attack: attack.name)
def test_one_round_for_each_target_but_never_more_than_wrong_classes(attack):
    assert [attack.rounds(classes) for classes in (2, 5, 10, 100)] == [1, 4, 9, 9]
    assert dataclasses.replace(attack, targets=3).rounds(100) == 3
    with pytest.raises(RobustnessError, match=f"{attack.name}: 0 targets; use at least one"):
        dataclasses.replace(attack, targets=0)
