"""What one attack left standing, and how it was measured."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rnascl_tf.robustness.accuracy import Accuracy


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """The accuracy under one attack.

    Attributes:
        accuracy: images that are classified correctly before and after the attack.
        epsilon: of the threat model; 0 for clean images.
        steps: of one round; 0 for clean images.
        norm: of the threat model.
        space: where epsilon is measured, "pixel" or "normalized".
        seed: of the attack; None where a record does not say.
        seconds: that the attack took; None where a record does not say.
        budget: attack budget of a cascade, None for other attacks.
        members: of a cascade: {attack: accuracy after it}.
    """

    accuracy: Accuracy
    epsilon: float
    steps: int
    norm: str
    space: str
    seed: int | None = None
    seconds: float | None = None
    budget: str | None = None
    members: Mapping[str, Accuracy] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns the entry of a record.

        Returns:
            {"accuracy": fraction of the n images still correct, "n", "interval": [low, high] (95%
            Wilson), "epsilon", "steps", "norm", "space", "seed", "seconds"}; for a cascade also
            "budget" and "attacks": {member: fraction after it}.
        """
        values = self.accuracy.to_json() | {
            "epsilon": self.epsilon,
            "steps": self.steps,
            "norm": self.norm,
            "space": self.space,
            "seed": self.seed,
            "seconds": self.seconds,
        }
        if self.budget is not None:
            values["budget"] = self.budget
            values["attacks"] = {name: member.value for name, member in self.members.items()}
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "AttackResult":
        """Reads an entry of a record; the first records did not name the norm, which was L-inf.

        Raises:
            KeyError: a field is missing.
            RobustnessError: an accuracy that cannot be one.
        """
        accuracy = Accuracy.from_json(values)
        return cls(
            accuracy=accuracy,
            epsilon=float(values["epsilon"]),
            steps=int(values["steps"]),
            norm=values.get("norm", "linf"),
            space=values["space"],
            seed=values.get("seed"),
            seconds=values.get("seconds"),
            budget=values.get("budget"),
            members={
                name: Accuracy.from_json({"accuracy": fraction, "n": accuracy.n})
                for name, fraction in values.get("attacks", {}).items()
            },
        )


def strongest_attack(results: Mapping[str, AttackResult]) -> str:
    """Returns the attack with the lowest accuracy; of equal ones the last, as weak ones come first.

    Raises:
        ValueError: there are none.
    """
    return min(reversed(list(results)), key=lambda name: results[name].accuracy.value)


def results_from_json(
    robustness: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, AttackResult]]:
    """Reads the "robustness" section of a record: {model: {attack: result}}."""
    return {
        model: {attack: AttackResult.from_json(values) for attack, values in results.items()}
        for model, results in robustness.items()
    }
