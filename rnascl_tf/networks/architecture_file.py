"""The result of a search as a file: `architecture.json` (docs/design.md, "Contracts")."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnascl_tf.errors import UserError
from rnascl_tf.files import read_json, write_json
from rnascl_tf.networks.architecture import PAPER_ACTIVATION, Architecture, Tutor, activation_of
from rnascl_tf.networks.cost import count
from rnascl_tf.networks.search_problem import SearchProblem


class ArchitectureError(UserError):
    """A file or mapping that is not an architecture; the message says what is wrong."""


def describe(
    problem: SearchProblem,
    filters: Sequence[Sequence[int]],
    tutors: list[Tutor],
    seed: int,
    activation: str = PAPER_ACTIVATION,
) -> Architecture:
    """Returns the `Architecture` with its parameters and costs counted."""
    fields: dict[str, Any] = {
        "space": problem.space.name,
        "filters": [list(widths) for widths in filters],
        "num_classes": problem.num_classes,
        "input_shape": list(problem.input_shape),
    }
    size = dataclasses.asdict(count(fields))
    return Architecture(**fields, tutors=tutors, seed=seed, activation=activation, **size)


def write_architecture(architecture: Architecture, path: str | Path) -> None:
    """Writes `architecture.json` atomically, without the activation where it is the paper's."""
    fields = architecture.to_json()
    if architecture.activation == PAPER_ACTIVATION:
        del fields["activation"]
    write_json(path, fields)


LARGEST_SIDE, MOST_CLASSES = 2048, 100_000
"""What a file may ask for: networks are built from it, and memory is allocated for their outputs."""


def read_architecture(path: str | Path) -> Architecture:
    """Reads and checks an `architecture.json`.

    Raises:
        ArchitectureError: the file is missing, is not JSON, lacks fields, describes no student of
            its space, or its counts are not the student's.
    """
    path = Path(path)
    try:
        fields = read_json(path)
    except OSError as error:
        raise ArchitectureError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ArchitectureError(f"{path} is not JSON: {error}.") from error
    wanted = {field.name for field in dataclasses.fields(Architecture)}
    if not isinstance(fields, dict) or fields.keys() | {"activation"} != wanted:
        found = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
        raise ArchitectureError(f"{path} should hold {sorted(wanted)}, but holds {found}.")
    _check_values(path, fields)
    tutors = [Tutor(**tutor) for tutor in fields["tutors"]]
    architecture = Architecture(**fields | {"tutors": tutors})
    try:
        activation_of(architecture)
        size = count(architecture)
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ArchitectureError(f"{path} describes no student: {reason}") from error
    for name, value in dataclasses.asdict(size).items():
        if fields[name] != value:
            raise ArchitectureError(
                f"{path} says {name} {fields[name]}, but its filters make {value}: search again or "
                "correct the file."
            )
    return architecture


def _check_values(path: Path, fields: Mapping[str, Any]) -> None:
    """Refuses values of another type or size than their field's: what follows trusts them."""
    shape, widths, tutors = fields["input_shape"], fields["filters"], fields["tutors"]
    wanted = {
        "filters": isinstance(widths, list)
        and all(isinstance(stage, list) and all(map(_is_integer, stage)) for stage in widths),
        "input_shape": isinstance(shape, list)
        and len(shape) == 3
        and all(_is_integer(size, 1, LARGEST_SIDE) for size in shape)
        and shape[2] == 3,
        "num_classes": _is_integer(fields["num_classes"], 2, MOST_CLASSES),
        "seed": _is_integer(fields["seed"]),
        "tutors": isinstance(tutors, list) and all(map(_is_tutor, tutors)),
    } | {name: _is_integer(fields[name]) for name in ("params", "macs", "macs_thop")}
    wrong = [name for name, right in wanted.items() if not right]
    if wrong:
        shown = repr(fields[wrong[0]])[:80]
        raise ArchitectureError(
            f"{path}: {wrong[0]} is {shown}; what a search writes there is needed "
            f"(images of {LARGEST_SIDE}x{LARGEST_SIDE} and {MOST_CLASSES:,} classes at most)."
        )


def _is_integer(value: Any, lowest: int = 0, highest: int = 2**63 - 1) -> bool:
    # Python takes True for 1.
    return type(value) is int and lowest <= value <= highest


def _is_tutor(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"student", "teacher", "probability"}
        and isinstance(value["student"], str)
        and isinstance(value["teacher"], str)
        and type(value["probability"]) in (int, float)
        and 0 <= value["probability"] <= 1
    )
