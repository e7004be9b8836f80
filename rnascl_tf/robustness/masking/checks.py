"""The masking verdict: does a model withstand attacks, or does it only hide from them?

The symptoms are those of Athalye et al. (2018), "Obfuscated Gradients Give a False Sense of
Security", section 3.1, and of Carlini et al. (2019), "On Evaluating Adversarial Robustness": each
check sets two measurements of the same images side by side. A robust model passes, and so does one
that is merely weak.

Accuracies may differ by chance. The tolerance of most checks is 1.5 points, but never less than one
image: 3 images of 200. The comparisons are paired, so what chance can do depends on the discordant
images alone, those that withstand exactly one of the two attacks: of b and c such images the
difference is (b - c) / n, with a standard error of about sqrt(b + c) / n. Each check therefore
states n, b and c.

Of two attacks the one that should be stronger may be weaker by the tolerance: Athalye et al. want
iterative attacks strictly stronger than one step, but on n images they may break the same ones. The
random start may not change the accuracy in either direction, because neither end is the stronger.
"""

import math

import numpy as np

from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.chance import like_chance
from rnascl_tf.robustness.masking.verdict import Check, Verdict

TOLERANCE = 0.015
"""Largest difference of two accuracies that counts as none (issue 5)."""

FAR_ATTACK = "pgd100x5"
WHITE_BOX = ("pgd20", "cw")

_WEAK_SEARCH = "report the lower number, and attack with more steps and restarts (autoattack)"
_ATTACK_THROUGH = (
    "look for quantisation, saturation or a layer without a useful gradient, and attack through it "
    "with a smooth stand-in (BPDA)"
)


def masking_verdict(measure):
    """Makes every check.

    Args:
        measure: a `Measure`, or anything with its attributes and methods.

    Returns:
        A `Verdict`.

    Raises:
        RobustnessError: an attack does not fit the model, or logits become NaN.
    """
    ascent = measure.ascent()
    checks = list(_gradient_checks(ascent))
    if not np.isfinite(ascent.gradients).all():
        # Attacks that follow NaN would end nowhere.
        left_out = ("every check that needs an attack: gradients are missing or not finite",)
        return Verdict(tuple(checks), left_out, measure.threat_model)
    clean, pgd = measure.clean(), measure.withstood("pgd20")
    checks.append(_far_check(measure, clean))
    for name, question, other, either_way in (
        ("steps", "more steps gain nothing", "pgd100", False),
        ("restarts", "more restarts gain nothing", "pgd20x5", False),
        ("random_start", "the random start changes nothing", "bim", True),
        ("iterative", "iterating is no weaker than one step", "fgsm", False),
    ):
        pair = ("pgd20", pgd), (other, measure.withstood(other))
        checks.append(_comparison(name, question, *pair, _WEAK_SEARCH, either_way))
    white_box = pgd.copy()
    for attack in WHITE_BOX[1:]:
        white_box &= measure.withstood(attack)
    first = (" and ".join(WHITE_BOX), white_box)
    question = "white-box attacks are no weaker than {}"
    checks.append(
        _comparison(
            "square",
            question.format("one without gradients"),
            first,
            (f"square with {measure.square_queries} queries", measure.withstood_square()),
            _ATTACK_THROUGH,
        )
    )
    left_out = []
    if not measure.has_teacher:
        left_out.append("transfer: no teacher was given")
    elif like_chance(Accuracy(measure.teacher_correct, measure.count), measure.classes):
        left_out.append(
            f"transfer: the teacher classifies {measure.teacher_correct} of {measure.count} clean "
            "images correctly, which guessing may reach: its images say nothing"
        )
    else:
        checks.append(
            _comparison(
                "transfer",
                question.format("images made for the teacher"),
                first,
                ("pgd20 on the teacher", measure.transferred("pgd20")),
                _ATTACK_THROUGH,
            )
        )
    return Verdict(tuple(checks), tuple(left_out), measure.threat_model)


def _gradient_checks(ascent):
    """Gradients exist, and the loss rises along them; of correctly classified images."""
    count = len(ascent.gradients)
    missing = ~(np.abs(ascent.gradients) > 0.0)  # counts NaN
    yield Check(
        name="gradient",
        question="every image has a gradient",
        first=_percent(missing.sum(), count),
        first_name="exactly zero or not finite",
        second=0.0,
        second_name="allowed",
        unit="%",
        wanted="none",
        passed=not missing.any(),
        remedy="do not attack cross-entropy alone (cw, DLR), scale the logits down, and "
        + _ATTACK_THROUGH,
        count=count,
    )
    start, end = ascent.losses[0], ascent.losses[-1]
    # A confident model's loss may be 0 in float32 at both ends, which is no fall. Counts NaN.
    falling = int((~(end >= start)).sum())
    yield Check(
        name="path",
        question="no image's loss falls along the path",
        first=_percent(falling, count),
        first_name="lower at its end",
        second=_percent(_allowed(count), count),
        second_name="allowed",
        unit="%",
        wanted="the first at most the second",
        passed=falling <= _allowed(count),
        remedy=_ATTACK_THROUGH,
        count=count,
    )
    means = ascent.losses.mean(axis=1) if count else np.zeros(len(ascent.losses))
    yield Check(
        name="loss",
        question="the mean loss rises along the path",
        first=float(means[0]),
        first_name="cross-entropy of clean images",
        second=float(means[-1]),
        second_name="at the end of the path",
        unit="nats",
        wanted="rising at every quarter",
        passed=not count or _rises(means),
        remedy=_ATTACK_THROUGH,
        count=count,
    )


def _rises(means):
    """Whether the mean loss ends higher and falls at no quarter by over 5% of the whole rise."""
    quarters = means[:: max(1, (len(means) - 1) // 4)]
    rise = means[-1] - means[0]
    return bool(rise > 0.0 and (np.diff(quarters) >= -0.05 * rise).all())


def _far_check(measure, clean):
    standing = measure.withstood_far(FAR_ATTACK)
    return Check(
        name="large_epsilon",
        question="nothing withstands a large epsilon",
        first=_percent(clean.sum(), len(clean)),
        first_name="clean",
        second=_percent(standing.sum(), len(clean)),
        second_name=f"{FAR_ATTACK} at {measure.large.epsilon:.4g}",
        unit="%",
        wanted="the second 0",
        passed=not standing.any(),
        remedy=_ATTACK_THROUGH,
        count=len(clean),
    )


def _comparison(name, question, first, second, remedy, either_way=False):
    """Sets two attacks, (what, bool [n] withstood), side by side.

    The first may be weaker by the tolerance at most; `either_way`, nor stronger by more.
    """
    (first_name, left), (second_name, right) = first, second
    count = len(left)
    difference = int(left.sum()) - int(right.sum())
    allowed = _allowed(count)
    points = f"{_percent(allowed, count):.2g} points"
    return Check(
        name=name,
        question=question,
        first=_percent(left.sum(), count),
        first_name=first_name,
        second=_percent(right.sum(), count),
        second_name=second_name,
        unit="%",
        wanted=f"{'differing by' if either_way else 'the first higher by'} at most {points}",
        passed=difference <= allowed and (not either_way or difference >= -allowed),
        remedy=remedy,
        count=count,
        discordant=(int((left & ~right).sum()), int((right & ~left).sum())),
    )


def _allowed(count):
    """The tolerance in whole images; one image decides nothing."""
    return max(1, math.floor(TOLERANCE * count + 1e-9))


def _percent(part, count):
    return 100.0 * int(part) / count if count else 0.0
