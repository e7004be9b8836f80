"""What every attack offers to the evaluation."""

import abc
import dataclasses
from typing import ClassVar, Self

import numpy as np

from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel


@dataclasses.dataclass(frozen=True)
class Attack(abc.ABC):
    """One way to look for adversarial images.

    An attack runs in rounds: one for each random start, or one for each target class. An image is
    robust if it withstands all rounds. Images that one round has broken are left out of the next.

    Subclasses add keyword-only fields. A stored evaluation is compared by the class's name and the
    fields in their order (`definition`), so renaming or reordering them makes old files unreadable.

    Attributes:
        name: how flags, configs, records and random streams call it.
        steps: gradient steps, or queries, in one round; at least 1.
        norms: the norms it is defined for.
        needs_gradient: whether it needs gradients, which a TFLite file does not have.
        minimizes: whether it looks for the smallest change that breaks an image and may end
            outside the ball; such images count as withstood.

    Raises:
        RobustnessError: fewer than one step.
    """

    name: str
    steps: int
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    needs_gradient: ClassVar[bool] = True
    minimizes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise RobustnessError(f"{self.name}: {self.steps} steps; use at least one.")

    @property
    def fewest_classes(self) -> int:
        """The smallest number of classes for which its loss is defined."""
        return 2

    @property
    def members(self) -> tuple[Self]:
        """The attacks that it consists of: itself. A `Cascade` has several."""
        return (self,)

    def key(self, member: "Attack") -> str:
        """Returns the name of a member's outcome."""
        return member.name

    def definition(self) -> str:
        """Returns a text that is equal for equal attacks, in every process."""
        values = ", ".join(
            f"{field.name}={_text(getattr(self, field.name))}" for field in dataclasses.fields(self)
        )
        return f"{type(self).__name__}({values})"

    def rounds(self, classes: int) -> int:
        """Returns the number of rounds, at least 1, against a model with that many classes."""
        del classes
        return 1

    @abc.abstractmethod
    def perturb(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        randomness: Randomness,
        attack_round: int,
    ) -> np.ndarray:
        """Attacks one batch.

        Args:
            logits: the model, the same object for every batch; a `BlackBoxFunction` only if
                `needs_gradient` is False.
            images: float32 [n, height, width, channels], inside the threat model's bounds.
            labels: int64 [n], the true classes.
            threat_model: its epsilon is above 0.
            randomness: the batch's random numbers.
            attack_round: from 0 to rounds - 1.

        Returns:
            float32 array of the images' shape, inside the bounds and, unless the attack minimizes,
            inside the ball.
        """


@dataclasses.dataclass(frozen=True)
class Cascade:
    """Several attacks, each on the images that those before it have left.

    Attributes:
        name: how flags, configs and records call it.
        members: the attacks in their order.
    """

    name: str
    members: tuple[Attack, ...]

    @property
    def steps(self) -> int:
        """The sum of all members' steps in one round each."""
        return sum(member.steps for member in self.members)

    def key(self, member: Attack) -> str:
        """Returns the name of a member's outcome."""
        return f"{self.name}/{member.name}"


def _text(value: object) -> str:
    """A loss by its name, which unlike its repr is the same in every process."""
    return str(getattr(value, "__qualname__", repr(value)))
