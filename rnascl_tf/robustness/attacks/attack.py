"""What every attack offers to the evaluation, whatever it is made of."""

import abc
import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class Attack(abc.ABC):
    """One way of looking for adversarial images.

    An attack runs in rounds: restarts from other random points, or one target class after the
    other. An image is robust if it withstands all of them; those that a round has broken are left
    out of the next.

    Attributes:
        name: how flags, configs, records and random streams call it.
        steps: gradient steps, or queries, in one round.
        norms: the norms it is defined for.
        fewest_classes: of a model that its loss is defined for.
        needs_gradient: whether a model without gradients (a TFLite file) is out of its reach.
        minimizes: whether it looks for the smallest change that breaks an image and may end
            outside the ball; such images count as withstood.
    """

    name: str
    steps: int
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    fewest_classes: ClassVar[int] = 2
    needs_gradient: ClassVar[bool] = True
    minimizes: ClassVar[bool] = False

    @property
    def members(self):
        """The attacks that it consists of: itself."""
        return (self,)

    def key(self, member):
        """Returns the name of a member's outcome."""
        return member.name

    def definition(self):
        """Returns a text that is equal for equal attacks, in every process."""
        values = ", ".join(
            f"{field.name}={_text(getattr(self, field.name))}" for field in dataclasses.fields(self)
        )
        return f"{type(self).__name__}({values})"

    def rounds(self, classes):
        """Returns how many rounds there are against a model of that many classes, at least 1."""
        del classes
        return 1

    @abc.abstractmethod
    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        """Attacks one batch.

        Args:
            logits: the model's `LogitsFunction`, or `BlackBoxFunction` where no gradient is needed;
                the same object for every batch.
            images: float32 array [n, height, width, channels] inside the threat model's bounds.
            labels: int64 array [n], the true classes.
            threat_model: the `ThreatModel`, epsilon above 0.
            randomness: the batch's `Randomness`.
            attack_round: from 0 to rounds - 1.

        Returns:
            float32 array of the images' shape, inside the ball and the bounds (or, if the attack
            minimizes, only inside the bounds).
        """


@dataclasses.dataclass(frozen=True)
class Cascade:
    """Attacks in a row, each on the images that those before it have left.

    Attributes:
        name: how flags, configs and records call it.
        members: tuple of `Attack`.
    """

    name: str
    members: tuple[Attack, ...]

    @property
    def steps(self):
        """The steps of all members, of one round each."""
        return sum(member.steps for member in self.members)

    def key(self, member):
        """Returns the name of a member's outcome."""
        return f"{self.name}/{member.name}"


def _text(value):
    return value.__qualname__ if callable(value) else repr(value)
