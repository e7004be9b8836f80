"""What attacks and cascades say about themselves."""

import dataclasses

import pytest

from rnascl_tf.robustness.attacks.attack import Attack, Cascade
from rnascl_tf.robustness.threat_model import RobustnessError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nothing(Attack):
    share: float = 0.5
    loss: object = len

    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        return images


def test_a_definition_holds_every_field_and_functions_by_name():
    attack = Nothing("none", 3, share=0.25)
    assert attack.definition() == "Nothing(name='none', steps=3, share=0.25, loss=len)"
    assert attack.definition() != Nothing("none", 3).definition()


def test_an_attack_is_its_only_member():
    attack = Nothing("none", 3)
    assert attack.members == (attack,)
    assert attack.key(attack) == "none"
    assert (attack.rounds(10), attack.fewest_classes) == (1, 2)


def test_a_cascade_names_its_members_and_adds_their_steps():
    first, second = Nothing("first", 3), Nothing("second", 4)
    cascade = Cascade("both", (first, second))
    assert cascade.steps == 7
    assert [cascade.key(member) for member in cascade.members] == ["both/first", "both/second"]


@pytest.mark.parametrize("steps", [0, -1])
def test_every_attack_needs_a_step(steps):
    with pytest.raises(RobustnessError, match=f"none: {steps} steps; use at least one"):
        Nothing("none", steps)
    with pytest.raises(TypeError):
        Nothing("none", 1, 0.5)  # only name and steps are positional
