"""The suites hold the settings of AutoAttack's paper; the quick one only has less of each."""

from rnascl_tf.robustness.attacks.autoattack import SUITES
from rnascl_tf.robustness.attacks.losses import cross_entropy, targeted_dlr_loss


def test_the_standard_suite_is_the_papers():
    apgd, targeted, fab, square = SUITES["standard"].members
    assert (apgd.steps, apgd.loss) == (100, cross_entropy)
    assert (targeted.steps, targeted.targets, targeted.loss) == (100, 9, targeted_dlr_loss)
    assert (fab.steps, fab.targets) == (100, 9)
    assert (fab.alpha_max, fab.eta, fab.beta) == (0.1, 1.05, 0.9)
    assert (square.steps, square.first_share) == (5000, 0.8)


def test_the_quick_suite_has_the_same_attacks_with_fewer_steps():
    standard, quick = SUITES["standard"], SUITES["quick"]
    assert quick.name == standard.name == "autoattack"
    for long, short in zip(standard.members, quick.members, strict=True):
        assert (type(long), long.name) == (type(short), short.name)
        assert short.steps < long.steps
