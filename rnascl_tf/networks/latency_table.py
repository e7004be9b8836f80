"""A table of measured blocks, from which the latency of every student of a space is predicted.

A student's time is predicted as a sum over its parts, ms = a + b (stem + blocks + tail). Each part is
timed alone, which costs more than it does inside a network; a and b correct that, and are fitted to a
few whole students. They are the same for all students, so they decide no comparison.
A block is known by its input and output widths, its stride, its expansion and the size of its input.
`rnascl latency-table` measures the blocks and writes the file.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnascl_tf.errors import UserError
from rnascl_tf.files import read_json
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import SEARCH_SPACES
from rnascl_tf.record import TimedDevice

SCHEMA = 1

MEDIAN_ERROR = 0.1
RANK_CORRELATION = 0.9
"""What random students' predicted times must keep below, and their order above, for a search."""


class LatencyTableError(UserError):
    """A file that is not a latency table, or one of something else; the message says which."""


class BlockShape(NamedTuple):
    """What a block's time depends on.

    Attributes:
        input_filters: channels before it.
        filters: channels after it.
        stride: 1 or 2.
        expansion: e.
        height: of its input.
        width: of its input.
    """

    input_filters: int
    filters: int
    stride: int
    expansion: int
    height: int
    width: int


@dataclasses.dataclass(frozen=True)
class PredictionCheck:
    """How well a table predicts random students that it was not fitted to.

    Attributes:
        median_error: of the predicted times, relative to the measured ones.
        rank_correlation: Spearman's, of predicted and measured times, in [-1, 1].
    """

    median_error: float
    rank_correlation: float

    @property
    def is_good(self) -> bool:
        """Whether a search may rest on such predictions."""
        return self.median_error < MEDIAN_ERROR and self.rank_correlation > RANK_CORRELATION

    def to_json(self) -> dict[str, float]:
        """Returns the fields by name."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class LatencyTable:
    """Measured parts of a space's students, on one device.

    Attributes:
        problem: whose students.
        kind: of the TFLite files, as "int8".
        activation: of the students.
        threads: CPU threads.
        device: where it was measured.
        blocks: {BlockShape: ms}.
        stem_ms: milliseconds of everything before the first block.
        tail_ms: {filters of the last block: ms} of everything after it.
        intercept_ms: a.
        slope: b.
        check: how well random students are predicted; None if that was not measured.
    """

    problem: SearchProblem
    kind: str
    activation: str
    threads: int
    device: TimedDevice
    blocks: dict[BlockShape, float]
    stem_ms: float
    tail_ms: dict[int, float]
    intercept_ms: float
    slope: float
    check: PredictionCheck | None = None

    @property
    def is_reliable(self) -> bool:
        """Whether random students were predicted well enough for a search to rest on it."""
        return self.check is not None and self.check.is_good

    def tables(self) -> list[np.ndarray]:
        """Returns what each block costs, as `macs_table` does for multiply-adds.

        Returns:
            A float64 array [choices of the block before, choices] of milliseconds for each block;
            the first includes a and the stem, the last the tail.
        """
        tables = [
            self.slope * np.array([[self.blocks[shape] for shape in row] for row in rows])
            for rows in block_shapes(self.problem)
        ]
        tables[0] = tables[0] + self.intercept_ms + self.slope * self.stem_ms
        choices = self.problem.space.stages[-1].choices
        tables[-1] = tables[-1] + self.slope * np.array([self.tail_ms[each] for each in choices])
        return tables

    def predict(self, filters: Sequence[Sequence[int]]) -> float:
        """Returns the milliseconds of one student.

        Args:
            filters: output filters of every block, a list for each network stage.

        Raises:
            ValueError: the space has no such student.
        """
        blocks = self.problem.space.blocks(filters)
        chosen = [block.choices.index(block.filters) for block in blocks]
        before = [0, *chosen[:-1]]
        return float(
            sum(
                table[row, column]
                for table, row, column in zip(self.tables(), before, chosen, strict=True)
            )
        )

    def check_fits(self, **wanted: Any) -> None:
        """Raises LatencyTableError if a fact of the table is not the wanted one.

        Args:
            **wanted: any of space (its name), num_classes, input_shape and activation.
        """
        facts = self._problem_facts() | {"activation": self.activation}
        differences = [
            f"{name} {facts[name]} there, {value} here"
            for name, value in wanted.items()
            if facts[name] != value
        ]
        if differences:
            raise LatencyTableError(
                f"the latency table is of something else: {'; '.join(differences)}. Measure another "
                "with rnascl latency-table."
            )

    def check_problem(self, problem: SearchProblem) -> None:
        """Raises LatencyTableError if the table is of another problem."""
        self.check_fits(
            space=problem.space.name,
            num_classes=problem.num_classes,
            input_shape=problem.input_shape,
        )

    def _problem_facts(self) -> dict[str, Any]:
        return {
            "space": self.problem.space.name,
            "num_classes": self.problem.num_classes,
            "input_shape": self.problem.input_shape,
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON-ready mapping that `read_latency_table` reads."""
        return {
            "schema": SCHEMA,
            **self._problem_facts(),
            "input_shape": list(self.problem.input_shape),
            "kind": self.kind,
            "activation": self.activation,
            "threads": self.threads,
            "device": self.device.to_json(),
            "stem_ms": self.stem_ms,
            "intercept_ms": self.intercept_ms,
            "slope": self.slope,
            "check": self.check.to_json() if self.check else {},
            "blocks": [{**shape._asdict(), "ms": ms} for shape, ms in self.blocks.items()],
            "tails": [{"filters": filters, "ms": ms} for filters, ms in self.tail_ms.items()],
        }


def block_shapes(problem: SearchProblem) -> list[list[list[BlockShape]]]:
    """Returns the shapes that each block of a space's students may have.

    Args:
        problem: whose students.

    Returns:
        For each block a list of rows, one for each choice of the block before (the first block has one
        row, of the stem's filters), of `BlockShape`s, one for each choice of its own.
    """
    height, width = (-(-size // 2) for size in problem.input_shape[:2])
    space = problem.space
    before: tuple[int, ...] = (space.stem_filters,)
    positions = []
    for block in space.blocks(space.widest):
        positions.append(
            [
                [
                    BlockShape(inputs, filters, block.stride, block.expansion, height, width)
                    for filters in block.choices
                ]
                for inputs in before
            ]
        )
        height, width = (-(-size // block.stride) for size in (height, width))
        before = block.choices
    return positions


def read_latency_table(path: str | Path) -> LatencyTable:
    """Reads a file that `rnascl latency-table` wrote.

    Raises:
        LatencyTableError: it is missing, is not such a table, or lacks blocks of its space.
    """
    path = Path(path)
    try:
        values = read_json(path)
    except OSError as error:
        raise LatencyTableError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise LatencyTableError(f"{path} is not JSON: {error}.") from error
    try:
        table = _from_json(values)
        _check_whole(table)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LatencyTableError(
            f"{path} is not a whole latency table ({type(error).__name__}: {error}); measure it again."
        ) from error
    return table


def _from_json(values: Mapping[str, Any]) -> LatencyTable:
    if values["schema"] != SCHEMA:
        raise ValueError(f"schema {values['schema']}, this program reads {SCHEMA}")
    blocks = {
        BlockShape(**{name: int(entry[name]) for name in BlockShape._fields}): float(entry["ms"])
        for entry in values["blocks"]
    }
    name = values["space"]
    if name not in SEARCH_SPACES:
        raise ValueError(f"unknown space {name!r}")
    height, width, channels = (int(size) for size in values["input_shape"])
    return LatencyTable(
        problem=SearchProblem(
            SEARCH_SPACES[name], values["num_classes"], (height, width, channels)
        ),
        kind=values["kind"],
        activation=values["activation"],
        threads=values["threads"],
        device=TimedDevice.from_json(values["device"]),
        blocks=blocks,
        stem_ms=float(values["stem_ms"]),
        tail_ms={int(entry["filters"]): float(entry["ms"]) for entry in values["tails"]},
        intercept_ms=float(values["intercept_ms"]),
        slope=float(values["slope"]),
        check=_check_from_json(values.get("check") or {}),
    )


def _check_from_json(check: Mapping[str, Any]) -> PredictionCheck | None:
    if not check:
        return None
    return PredictionCheck(float(check["median_error"]), float(check["rank_correlation"]))


def _check_whole(table: LatencyTable) -> None:
    for part in table.tables():
        if not (np.isfinite(part).all() and (part > 0).all()):
            raise ValueError("a block's time is not above 0")
