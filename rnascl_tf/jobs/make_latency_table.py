"""Times every block of a search space, for a search with `search.cost=latency`.

Writes the table, and a picture of how well it predicts whole students that it was not fitted to.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from rnascl_tf import deploy, report
from rnascl_tf.console import console, progress
from rnascl_tf.files import writable_file, write_json
from rnascl_tf.networks.latency_table import MEDIAN_ERROR, RANK_CORRELATION, LatencyTable
from rnascl_tf.networks.search_problem import SearchProblem
from rnascl_tf.networks.search_space import SEARCH_SPACES
from rnascl_tf.record import git_commit, versions

if TYPE_CHECKING:
    from rnascl_tf.deploy.latency.block_timing import CheckedStudents  # imports TensorFlow


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyTableRequest:
    """A latency table that is wanted.

    Attributes:
        out: the .json file to write.
        space: name of the search space.
        kind: kind of the TFLite files.
        activation: activation of the students.
        image_size: side of the images in pixels; None: those that the space was made for.
        num_classes: number of classes, 2 or more.
        device, benchmark_model: see `deploy.device_named`.
        threads: CPU threads.
        runs: measured inferences of each file.
        rounds: rounds that they are divided into.
        check: number of random students that the table is checked on, 3 or more.
        seed: of those students.
        overwrite: measure a table again that is there.
    """

    out: str | Path
    space: str = "S3"
    kind: str = "float32"
    activation: str = "hard_swish"
    image_size: int | None = None
    num_classes: int = 10
    device: str = "local"
    benchmark_model: str | Path | None = None
    threads: int = 1
    runs: int = 400
    rounds: int = 20
    check: int = 20
    seed: int = 0
    overwrite: bool = False


def make_latency_table(request: LatencyTableRequest) -> LatencyTable:
    """Measures a table; converted blocks are kept until it is done, so that a stopped job continues.

    Raises:
        UserError: the file or the device cannot be used, or the device's times are noise.
    """
    out = writable_file("out", request.out, ".json")
    if out.exists() and not request.overwrite:
        raise deploy.DeployError(f"{out} is there already: give another --out, or --overwrite.")
    target = deploy.device_named(request.device, request.benchmark_model)
    from rnascl_tf.deploy.latency import block_timing  # imports TensorFlow

    space = SEARCH_SPACES[request.space]
    side = request.image_size or space.image_size
    wanted = block_timing.MeasuredTable(
        problem=SearchProblem(space, request.num_classes, (side, side, 3)),
        kind=request.kind,
        activation=request.activation,
        check=request.check,
        seed=request.seed,
    )
    blocks = block_timing.distinct_shapes(wanted.problem)
    console.print(
        f"{space.name}: {len(blocks)} distinct blocks, {space.size:,} students; {request.kind}, "
        f"{request.activation}, on {target.description.cpu}"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    parts = out.with_name(f".{out.stem}.parts")
    with progress("latency table", "files") as on_file:
        files = block_timing.table_files(wanted, parts, lambda *done: on_file("conversion", *done))
    with progress("latency table", "rounds") as on_round:
        table, students = block_timing.measure_table(
            wanted,
            files,
            target,
            request.threads,
            request.runs,
            request.rounds,
            lambda *done: on_round("interleaved timing", *done),
        )
    settings = {"runs": request.runs, "rounds": request.rounds, "seed": request.seed}
    write_json(
        out,
        table.to_json()
        | {"check": students.to_json(), "settings": settings}
        | {"versions": versions(), "git_commit": git_commit()},
    )
    picture = out.with_suffix(".png")
    report.save_prediction(students, f"{space.name}, {request.kind}, {request.activation}", picture)
    for path in parts.iterdir():
        path.unlink()
    parts.rmdir()
    _print(students)
    console.print(f"Written to {out} and {picture.name}", soft_wrap=True, markup=False)
    return table


def _print(students: CheckedStudents) -> None:
    measured, check = students.measured_ms, students.check
    console.print(
        f"{len(measured)} random students, measured {min(measured):.4g} to {max(measured):.4g} ms: "
        f"predicted with a median error of {100 * check.median_error:.1f}%, at most "
        f"{100 * students.errors.max():.1f}%; rank correlation {check.rank_correlation:.3f}",
        soft_wrap=True,
    )
    if not check.is_good:
        console.print(
            f"This is worse than a search should rest on (median under {100 * MEDIAN_ERROR:.0f}%, "
            f"correlation over {RANK_CORRELATION}): measure again when nothing else runs, or with "
            "more --runs.",
            soft_wrap=True,
        )
