"""The masking verdict: is a model robust, or does it only hide its gradients?

The symptoms are those of Athalye et al. (2018), "Obfuscated Gradients Give a False Sense of
Security", section 3.1, and of Carlini et al. (2019), "On Evaluating Adversarial Robustness". Each
check compares two measurements on the same images. A robust model passes, and so does a weak one that
hides nothing.

Accuracies may differ by chance. Most checks tolerate 1.5 points, but at least one image: 3 images of
200. The comparisons are paired, so chance only acts on the discordant images, which withstand exactly
one of the two attacks. With b and c images of the two kinds, the difference is (b - c) / n, and its
standard error about sqrt(b + c) / n. Each check therefore states n, b and c.

The attack that should be the stronger of two may be weaker by the tolerance. (Athalye et al. expect
iterative attacks to be strictly stronger than one step, but on n images both may break the same ones.)
A random start should change the accuracy in neither direction, because no start is expected to be
stronger.
"""

import math
from collections.abc import Iterator

import numpy as np

from rnascl_tf.robustness.chance import like_chance
from rnascl_tf.robustness.masking.measurements import Ascent, MaskingMeasurements
from rnascl_tf.robustness.masking.verdict import Check, Verdict

TOLERANCE = 0.015
"""Largest difference between two accuracies that may be due to chance."""

FAR_ATTACK = "pgd100x5"
WHITE_BOX = ("pgd20", "cw")

_WEAK_SEARCH = "report the lower number, and attack with more steps and restarts (autoattack)"
_ATTACK_THROUGH = (
    "look for quantisation, saturation or a layer without a useful gradient, and attack through it "
    "with a smooth stand-in (BPDA)"
)


def masking_verdict(measured: MaskingMeasurements) -> Verdict:
    """Runs every check.

    Raises:
        RobustnessError: an attack does not fit the model, or logits become NaN.
    """
    ascent = measured.ascent()
    checks = list(_gradient_checks(ascent))
    if not np.isfinite(ascent.gradients).all():
        # Attacks cannot follow NaN.
        left_out = ["every check that needs an attack: gradients are missing or not finite"]
        return Verdict(tuple(checks), tuple(left_out), measured.threat_model)
    clean, pgd = measured.clean(), measured.withstood("pgd20")
    checks.append(_far_check(measured, clean))
    for name, question, other, either_way in (
        ("steps", "more steps gain nothing", "pgd100", False),
        ("restarts", "more restarts gain nothing", "pgd20x5", False),
        ("random_start", "the random start changes nothing", "bim", True),
        ("iterative", "iterating is no weaker than one step", "fgsm", False),
    ):
        pair = ("pgd20", pgd), (other, measured.withstood(other))
        checks.append(_comparison(name, question, *pair, _WEAK_SEARCH, either_way))
    white_box = pgd.copy()
    for attack in WHITE_BOX[1:]:
        white_box &= measured.withstood(attack)
    first = (" and ".join(WHITE_BOX), white_box)
    question = "white-box attacks are no weaker than {}"
    checks.append(
        _comparison(
            "square",
            question.format("one without gradients"),
            first,
            (f"square with {measured.square_queries} queries", measured.withstood_square()),
            _ATTACK_THROUGH,
        )
    )
    left_out = []
    teacher = measured.teacher_accuracy
    if teacher is None:
        left_out.append("transfer: no teacher was given")
    elif like_chance(teacher, measured.classes):
        left_out.append(
            f"transfer: the teacher classifies {teacher.correct} of {teacher.n} clean "
            "images correctly, which guessing may reach: its images prove nothing"
        )
    else:
        checks.append(
            _comparison(
                "transfer",
                question.format("images made for the teacher"),
                first,
                ("pgd20 on the teacher", measured.transferred("pgd20")),
                _ATTACK_THROUGH,
            )
        )
    return Verdict(tuple(checks), tuple(left_out), measured.threat_model)


def _gradient_checks(ascent: Ascent) -> Iterator[Check]:
    """Checks on correctly classified images that gradients exist and the loss rises along them."""
    count = len(ascent.gradients)
    missing = ~(np.abs(ascent.gradients) > 0.0)  # also counts NaN
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
    # A confident model's loss may be 0 in float32 at both ends, which is not a fall. Also counts NaN.
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


def _rises(means: np.ndarray) -> bool:
    """Whether the mean loss ends higher and falls in no quarter by more than 5% of the whole rise."""
    quarters = means[:: max(1, (len(means) - 1) // 4)]
    rise = means[-1] - means[0]
    return bool(rise > 0.0 and (np.diff(quarters) >= -0.05 * rise).all())


def _far_check(measured: MaskingMeasurements, clean: np.ndarray) -> Check:
    standing = measured.withstood_far(FAR_ATTACK)
    return Check(
        name="large_epsilon",
        question="nothing withstands a large epsilon",
        first=_percent(clean.sum(), len(clean)),
        first_name="clean",
        second=_percent(standing.sum(), len(clean)),
        second_name=f"{FAR_ATTACK} at {measured.large.epsilon:.4g}",
        unit="%",
        wanted="the second 0",
        passed=not standing.any(),
        remedy=_ATTACK_THROUGH,
        count=len(clean),
    )


def _comparison(
    name: str,
    question: str,
    first: tuple[str, np.ndarray],
    second: tuple[str, np.ndarray],
    remedy: str,
    either_way: bool = False,
) -> Check:
    """Compares what images withstand of two attacks, each as (its name, bool [n]).

    The first attack may be weaker than the second by at most the tolerance; with `either_way` it may
    not be stronger by more than that, either.
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


def _allowed(count: int) -> int:
    """The tolerance in whole images, at least one."""
    return max(1, math.floor(TOLERANCE * count + 1e-9))


def _percent(part: int, count: int) -> float:
    return 100.0 * int(part) / count if count else 0.0
