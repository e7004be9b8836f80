"""APGD-T: APGD towards one wrong class after the other, from the most likely on.

Croce and Hein (2020), arXiv 2003.01690, section 4, with the targeted DLR loss.
"""

import dataclasses

import numpy as np

from rnascl_tf.robustness.attacks.apgd import Apgd
from rnascl_tf.robustness.attacks.losses import Loss, targeted_dlr_loss
from rnascl_tf.robustness.attacks.targeted_attack import TargetedAttack


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApgdTargeted(TargetedAttack, Apgd):
    """APGD on a loss that needs a target class, too.

    Attributes:
        loss: (labels, logits, targets) -> [n], maximised.
    """

    loss: Loss = targeted_dlr_loss

    def _targets(
        self, clean_logits: np.ndarray, labels: np.ndarray, attack_round: int
    ) -> tuple[np.ndarray, ...]:
        wrong = clean_logits.copy()
        wrong[np.arange(len(labels)), labels] = -np.inf
        return (np.argsort(-wrong, axis=1, kind="stable")[:, attack_round],)


APGD_T = ApgdTargeted("apgd-t", 100)
