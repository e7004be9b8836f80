"""Tutors that are not searched: the controls against which a searched assignment must show its gain.

A tutor assignment maps every student layer to one teacher layer; eq. 3 reads it as a one-hot g.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rnascl_tf.networks import ArchitectureError

FIXED_TUTORS = ("random", "same_depth", "reversed")


def fixed_tutors(
    control: str, student_layers: Sequence[str], teacher_layers: Sequence[str], seed: int
) -> dict[str, str]:
    """Returns {student layer: teacher layer} of a control.

    Args:
        control: "random" draws each tutor uniformly; "same_depth" takes the teacher layer at the
            same relative depth, round(i (n_t - 1) / (n_s - 1)); "reversed" the one at the mirrored
            depth.
        student_layers: names in the order of depth, n_s of them.
        teacher_layers: names in the order of depth, n_t of them.
        seed: integer, of the random draw.

    Raises:
        ValueError: the control is not one of `FIXED_TUTORS`.
    """
    if control not in FIXED_TUTORS:
        raise ValueError(f"unknown control {control!r}: give one of {', '.join(FIXED_TUTORS)}.")
    if control == "random":
        chosen = np.random.default_rng(seed).integers(len(teacher_layers), size=len(student_layers))
    else:
        # Half up, so that the rule is the same at every depth; NumPy rounds half to even.
        depths = np.linspace(0, len(teacher_layers) - 1, len(student_layers))
        chosen = np.floor(depths + 0.5).astype(int)
        if control == "reversed":
            chosen = len(teacher_layers) - 1 - chosen
    return {student: teacher_layers[j] for student, j in zip(student_layers, chosen, strict=True)}


def one_hot_tutors(
    student_layers: Sequence[str], teacher_layers: Sequence[str], tutors: Mapping[str, str]
) -> list[list[float]]:
    """Returns g of eq. 3 as a nested list of floats [n_s][n_t], one-hot in each row.

    Args:
        student_layers: names of the student's taps, in order.
        teacher_layers: names of the teacher's taps, in order.
        tutors: {student tap: teacher tap}.

    Raises:
        ArchitectureError: a student layer has no tutor, or a tutor is not a layer of the teacher.
    """
    rows = []
    for name in student_layers:
        if tutors.get(name) not in teacher_layers:
            raise ArchitectureError(
                f"student layer {name} has tutor {tutors.get(name)!r}, which is not a tapped layer of "
                f"this teacher ({len(teacher_layers)} taps, first {teacher_layers[0]!r}): the "
                "architecture was searched with another teacher or other taps."
            )
        rows.append([float(layer == tutors[name]) for layer in teacher_layers])
    return rows
