"""AutoAttack (Croce and Hein, 2020, arXiv 2003.01690) as a cascade, in two budgets.

The standard suite is APGD on the cross-entropy, targeted APGD, targeted FAB and Square, each on the
images that those before it have left, with the settings of the paper: no parameter is to be chosen,
so that numbers compare. The quick one has fewer steps and targets; its accuracy is an upper bound.
"""

from rnascl_tf.robustness.attacks.apgd import Apgd, ApgdTargeted
from rnascl_tf.robustness.attacks.attack import Cascade
from rnascl_tf.robustness.attacks.fab import FabTargeted
from rnascl_tf.robustness.attacks.losses import cross_entropy
from rnascl_tf.robustness.attacks.square import Square

NAME = "autoattack"

BUDGETS = {
    budget: Cascade(
        NAME,
        (
            Apgd("apgd-ce", apgd_steps, loss=cross_entropy),
            ApgdTargeted("apgd-t", apgd_steps, targets=targets),
            FabTargeted("fab-t", fab_steps, targets=targets),
            Square("square", queries),
        ),
    )
    for budget, apgd_steps, fab_steps, targets, queries in (
        ("standard", 100, 100, 9, 5000),
        ("quick", 40, 20, 3, 1000),
    )
}
