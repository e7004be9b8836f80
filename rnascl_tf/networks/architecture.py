"""The result of a search as a file: `architecture.json` (DESIGN section 3)."""

import dataclasses
import json
from pathlib import Path

from rnascl_tf.atomic import write_json
from rnascl_tf.networks.cost import PAPER_ACTIVATION, activation_of, count


class ArchitectureError(ValueError):
    """A file or mapping that is no architecture; the message says what is wrong in one line."""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A student, complete enough to rebuild it anywhere.

    Attributes:
        space: name of its search space.
        filters: output filters of every block, a list for each stage.
        tutors: one {"student": tap, "teacher": tap, "probability": p} per student convolution.
        num_classes: number of classes.
        input_shape: [height, width, 3].
        params: trainable parameters.
        macs: multiply-adds for one image.
        macs_thop: as the paper counted them, see `Count`.
        seed: of the search.
        activation: one of `rnascl_tf.layers.ACTIVATIONS`; files without it are hard-swish's.
    """

    space: str
    filters: list[list[int]]
    tutors: list[dict]
    num_classes: int
    input_shape: list[int]
    params: int
    macs: int
    macs_thop: int
    seed: int
    activation: str = PAPER_ACTIVATION


def describe(space, filters, tutors, num_classes, input_shape, seed, activation=PAPER_ACTIVATION):
    """Returns the `Architecture` with its parameters and costs counted."""
    fields = {
        "space": space.name,
        "filters": [list(widths) for widths in filters],
        "num_classes": num_classes,
        "input_shape": list(input_shape),
    }
    size = dataclasses.asdict(count(fields))
    return Architecture(**fields, tutors=tutors, seed=seed, activation=activation, **size)


def write_architecture(architecture, path):
    """Writes `architecture.json` atomically; the paper's activation goes without saying."""
    fields = dataclasses.asdict(architecture)
    if architecture.activation == PAPER_ACTIVATION:
        del fields["activation"]
    write_json(path, fields)


def read_architecture(path):
    """Reads and checks an `architecture.json`.

    Raises:
        ArchitectureError: the file is missing, is not JSON, lacks fields, describes no student of
            its space, or its counts are not the student's.
    """
    path = Path(path)
    try:
        fields = json.loads(path.read_text())
    except OSError as error:
        raise ArchitectureError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ArchitectureError(f"{path} is not JSON: {error}.") from error
    wanted = {field.name for field in dataclasses.fields(Architecture)}
    if not isinstance(fields, dict) or fields.keys() | {"activation"} != wanted:
        found = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
        raise ArchitectureError(f"{path} should hold {sorted(wanted)}, but holds {found}.")
    architecture = Architecture(**fields)
    try:
        activation_of(architecture)
        size = count(architecture)
    except (ValueError, TypeError) as error:
        raise ArchitectureError(f"{path} describes no student: {error}") from error
    for name, value in dataclasses.asdict(size).items():
        if fields[name] != value:
            raise ArchitectureError(
                f"{path} says {name} {fields[name]}, but its filters make {value}: search again or "
                "mend the file."
            )
    return architecture
