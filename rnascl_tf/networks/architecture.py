"""What a search decides: a student, complete enough to rebuild it anywhere."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rnascl_tf.layers import ACTIVATIONS
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import SEARCH_SPACES

PAPER_ACTIVATION = "hard_swish"


@dataclasses.dataclass(frozen=True)
class Tutor:
    """The teacher layer that a student convolution imitates.

    Attributes:
        student: name of the student's tap.
        teacher: name of the teacher's tap.
        probability: what the search gave this choice at its end, in [0, 1].
    """

    student: str
    teacher: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A student (docs/design.md, "Contracts").

    Attributes:
        space: name of its search space.
        filters: output filters of every block, a list for each network stage.
        tutors: one for each student convolution; empty for a student that is trained without them.
        num_classes: number of classes.
        input_shape: [height, width, 3].
        params: trainable parameters.
        macs: multiply-adds for one image.
        macs_thop: as the paper counted them, see `Count`.
        seed: of the search.
        activation: one of `rnascl_tf.layers.ACTIVATIONS`; hard-swish in files without it.
    """

    space: str
    filters: list[list[int]]
    tutors: list[Tutor]
    num_classes: int
    input_shape: list[int]
    params: int
    macs: int
    macs_thop: int
    seed: int
    activation: str = PAPER_ACTIVATION

    @property
    def problem(self) -> SearchProblem:
        """What was searched."""
        return problem_and_filters(self)[0]

    @property
    def teacher_taps(self) -> dict[str, str]:
        """The tutors by name, {student tap: teacher tap}."""
        return {tutor.student: tutor.teacher for tutor in self.tutors}

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON-ready mapping that records hold, with the activation."""
        return dataclasses.asdict(self)


def problem_and_filters(
    architecture: Architecture | Mapping[str, Any],
) -> tuple[SearchProblem, list[list[int]]]:
    """Returns the problem and the filters of every block, which determine the slim network.

    Raises:
        ValueError: the space is unknown, or a field is missing.
    """
    fields = _fields(architecture)
    missing = {"space", "filters", "num_classes", "input_shape"} - fields.keys()
    if missing:
        raise ValueError(f"the architecture lacks {', '.join(sorted(missing))}.")
    name = fields["space"]
    if name not in SEARCH_SPACES:
        raise ValueError(f"unknown search space {name!r}: give one of {', '.join(SEARCH_SPACES)}.")
    problem = SearchProblem(SEARCH_SPACES[name], fields["num_classes"], fields["input_shape"])
    return problem, fields["filters"]


def activation_of(architecture: Architecture | Mapping[str, Any]) -> str:
    """Returns an architecture's activation, the paper's hard-swish where it names none.

    Raises:
        ValueError: it is unknown.
    """
    activation = _fields(architecture).get("activation", PAPER_ACTIVATION)
    if activation not in tuple(ACTIVATIONS):
        raise ValueError(
            f"unknown activation {activation!r}: give one of {', '.join(ACTIVATIONS)}."
        )
    return activation


def _fields(architecture: Architecture | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(architecture, Architecture):
        return architecture.to_json()
    return architecture
