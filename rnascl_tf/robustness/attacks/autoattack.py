"""AutoAttack (Croce and Hein, 2020, arXiv 2003.01690) as a cascade, with two attack budgets.

The standard suite is APGD on the cross-entropy, targeted APGD, targeted FAB and Square, with the
settings of the paper. There is no parameter to choose, so that numbers compare. The quick suite has
fewer steps and targets; its accuracy is an upper bound.
"""

import dataclasses

from rnascl_tf.robustness.attacks.apgd import APGD_CE
from rnascl_tf.robustness.attacks.apgd_targeted import APGD_T
from rnascl_tf.robustness.attacks.attack import Cascade
from rnascl_tf.robustness.attacks.fab import FAB_T
from rnascl_tf.robustness.attacks.registry import AUTOATTACK
from rnascl_tf.robustness.attacks.square import SQUARE

SUITES = {
    "standard": Cascade(AUTOATTACK, (APGD_CE, APGD_T, FAB_T, SQUARE)),
    "quick": Cascade(
        AUTOATTACK,
        (
            dataclasses.replace(APGD_CE, steps=40),
            dataclasses.replace(APGD_T, steps=40, targets=3),
            dataclasses.replace(FAB_T, steps=20, targets=3),
            dataclasses.replace(SQUARE, steps=1000),
        ),
    ),
}
"""The suite of each attack budget."""
