"""Measures a `LatencyTable`: single blocks, and whole students to fit the table and to check it.

All files are timed in one session, interleaved; `Timing.undisturbed_ms` is used.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import scipy.optimize
import scipy.stats

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.block_files import (
    block_file,
    empty_file,
    stem_file,
    student_file,
    tail_file,
)
from rnascl_tf.deploy.latency.device import Device
from rnascl_tf.files import write_bytes
from rnascl_tf.networks import (
    BlockShape,
    LatencyTable,
    PredictionCheck,
    SearchProblem,
    block_shapes,
)

Filters: TypeAlias = list[list[int]]
"""The number of filters of each block, by network stage."""

FITTED = 6
"""Number of students for fitting intercept and slope: the narrowest, the widest, and random ones."""

_RETIMED = 3
"""How often parts that seem to take no time are timed again before the device is called too noisy."""


@dataclasses.dataclass(frozen=True)
class MeasuredTable:
    """What a table shall describe.

    Attributes:
        problem: the search problem whose students are predicted.
        kind: kind of the TFLite files.
        activation: the students' activation.
        check: number of random students to check the table on, 3 or more.
        seed: seed of those students.
    """

    problem: SearchProblem
    kind: str
    activation: str
    check: int
    seed: int

    def students(self) -> tuple[list[Filters], list[Filters]]:
        """Returns the filters of the students for the fit and for the check, all different."""
        generator = np.random.default_rng(self.seed)
        space = self.problem.space
        found: list[Filters] = [space.narrowest, space.widest]
        while len(found) < min(FITTED + self.check, space.size):
            filters = [
                [int(generator.choice(stage.choices)) for _ in range(stage.depth)]
                for stage in space.stages
            ]
            if filters not in found:
                found.append(filters)
        return found[:FITTED], found[FITTED:]


@dataclasses.dataclass(frozen=True)
class CheckedStudents:
    """Measured and predicted times of random students that a table was not fitted to.

    Attributes:
        measured_ms: one for each student, at least one, in milliseconds.
        predicted_ms: likewise.
    """

    measured_ms: tuple[float, ...]
    predicted_ms: tuple[float, ...]

    @property
    def errors(self) -> np.ndarray:
        """Relative errors of the predictions, float64 [students], none negative."""
        return np.abs(np.array(self.predicted_ms) / np.array(self.measured_ms) - 1)

    @property
    def check(self) -> PredictionCheck:
        """What a table keeps of them."""
        correlation = scipy.stats.spearmanr(self.measured_ms, self.predicted_ms).statistic
        return PredictionCheck(float(np.median(self.errors)), float(correlation))

    def to_json(self) -> dict[str, Any]:
        """Returns what the table's file holds under "check"."""
        return {
            "students": len(self.measured_ms),
            "median_error": self.check.median_error,
            "largest_error": float(self.errors.max()),
            "rank_correlation": self.check.rank_correlation,
            "fastest_ms": min(self.measured_ms),
            "slowest_ms": max(self.measured_ms),
            "measured_ms": self.measured_ms,
            "predicted_ms": self.predicted_ms,
        }


def distinct_shapes(problem: SearchProblem) -> list[BlockShape]:
    """Returns the shape of every block of the students once, in network order."""
    positions = block_shapes(problem)
    return list(dict.fromkeys(shape for rows in positions for row in rows for shape in row))


def table_files(
    wanted: MeasuredTable, folder: Path, on_file: Callable[[int, int], object]
) -> dict[str, bytes]:
    """Returns {name: TFLite file} of all that is timed, converted unless the folder has them.

    Args:
        wanted: what the table shall describe.
        folder: where converted files are kept, so that a stopped command can resume.
        on_file: called as on_file(done, total) after each file.
    """
    makers = _makers(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    problem = wanted.problem
    size = "x".join(map(str, problem.input_shape[:2]))
    mark = f"{problem.space.name}_{size}_{wanted.kind}_{wanted.activation}_{problem.num_classes}"
    files = {}
    for number, (name, make) in enumerate(makers.items(), start=1):
        path = folder / f"{mark}_{name}.tflite"
        if not path.exists():
            write_bytes(path, make())
        files[name] = path.read_bytes()
        on_file(number, len(makers))
    return files


def measure_table(
    wanted: MeasuredTable,
    files: Mapping[str, bytes],
    device: Device,
    threads: int,
    runs: int,
    rounds: int,
    on_round: Callable[[int, int], object],
) -> tuple[LatencyTable, CheckedStudents]:
    """Times all files and makes a table from their times.

    Args:
        wanted: what the table shall describe.
        files: from `table_files`.
        device: where they are timed.
        threads: CPU threads.
        runs: inferences of each file.
        rounds: the rounds that they are divided into.
        on_round: called as on_round(done, total) after each round.

    Returns:
        The table, and the students that it was checked on.

    Raises:
        DeployError: the device failed, or its times are noise.
    """

    def timed(names: Iterable[str]) -> dict[str, float]:
        chosen = {name: files[name] for name in names}
        timings = device.measure(chosen, threads, runs, rounds, on_round=on_round)
        return {name: timing.undisturbed_ms for name, timing in timings.items()}

    times = timed(files)
    parts = _parts(wanted)
    for _ in range(_RETIMED):
        again = {name for pair in _without_time(parts, times) for name in pair}
        if again:
            times |= timed([name for name in files if name in again])
    lost = [name for name, _ in _without_time(parts, times)]
    if lost:
        raise DeployError(
            f"{', '.join(lost)} took no longer than an empty file: the device is too noisy or busy. "
            "Run the command again, with more --runs."
        )
    table = _table(wanted, times, device, threads)
    fitted, checked = wanted.students()
    raw = [table.predict(filters) for filters in fitted]
    measured = [times[_student_name(filters)] for filters in fitted]
    # Not negative: a student cannot become faster with slower parts.
    (intercept, slope), _ = scipy.optimize.nnls(np.stack([np.ones(len(raw)), raw], 1), measured)
    if slope == 0:
        raise DeployError(
            "the blocks' times do not predict the students': the device is too noisy or busy. Run the "
            "command again, with more --runs."
        )
    table = dataclasses.replace(table, slope=float(slope), intercept_ms=float(intercept))
    students = CheckedStudents(
        tuple(times[_student_name(filters)] for filters in checked),
        tuple(table.predict(filters) for filters in checked),
    )
    return dataclasses.replace(table, check=students.check), students


def _makers(wanted: MeasuredTable) -> dict[str, Callable[[], bytes]]:
    """{name: function that converts the part}, for blocks, empty files, stem, tails, students."""
    problem, kind = wanted.problem, wanted.kind
    whole = (problem, kind, wanted.activation)
    makers: dict[str, Callable[[], bytes]] = {}
    for block in distinct_shapes(problem):
        makers[_block_name(block)] = partial(block_file, block, kind, wanted.activation)
        empty = (block.height, block.width, block.input_filters)
        makers[_empty_of(block)] = partial(empty_file, *empty, kind)
    makers["stem"] = partial(stem_file, *whole)
    for width in problem.space.stages[-1].choices:
        makers[f"tail_{width}"] = partial(tail_file, width, *whole)
    for filters in itertools.chain(*wanted.students()):
        makers[_student_name(filters)] = partial(student_file, filters, *whole)
    return makers


def _parts(wanted: MeasuredTable) -> dict[str, str]:
    """{name of a block or the stem: name of the empty file whose time is subtracted from its own}."""
    shapes = distinct_shapes(wanted.problem)
    parts = {_block_name(shape): _empty_of(shape) for shape in shapes}
    return parts | {"stem": _empty_of(shapes[0])}


def _without_time(parts: Mapping[str, str], times: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, empty) for name, empty in parts.items() if times[name] <= times[empty]]


def _table(
    wanted: MeasuredTable, times: Mapping[str, float], device: Device, threads: int
) -> LatencyTable:
    """The table with intercept 0 and slope 1, which predicts plain sums of the parts."""
    net = {name: times[name] - times[empty] for name, empty in _parts(wanted).items()}
    shapes = distinct_shapes(wanted.problem)
    widths = wanted.problem.space.stages[-1].choices
    return LatencyTable(
        problem=wanted.problem,
        kind=wanted.kind,
        activation=wanted.activation,
        threads=threads,
        device=device.description,
        blocks={shape: net[_block_name(shape)] for shape in shapes},
        stem_ms=net["stem"],
        tail_ms={filters: times[f"tail_{filters}"] for filters in widths},
        intercept_ms=0.0,
        slope=1.0,
    )


def _block_name(shape: BlockShape) -> str:
    return "block_" + "_".join(map(str, shape))


def _empty_of(shape: BlockShape) -> str:
    return f"empty_{shape.height}_{shape.width}_{shape.input_filters}"


def _student_name(filters: Filters) -> str:
    return "student_" + "_".join(str(width) for stage in filters for width in stage)
