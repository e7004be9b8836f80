"""What attacks share that aim at one wrong class after the other."""

import dataclasses

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.threat_model import RobustnessError


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetedAttack(Attack):
    """An attack with one round for each target class.

    Round k, counted from 0, aims at the wrong class with the (k+1)-th largest logit of the clean
    image.

    Attributes:
        targets: how many wrong classes it tries, at least 1; all if the model has fewer.

    Raises:
        RobustnessError: fewer than one step or target.
    """

    targets: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.targets < 1:
            raise RobustnessError(f"{self.name}: {self.targets} targets; use at least one.")

    def rounds(self, classes: int) -> int:
        """One for each target class."""
        return min(self.targets, classes - 1)
