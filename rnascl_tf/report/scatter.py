"""Figure 1 as data: clean and robust accuracy and size of every model in any set of records.

What does not compare is refused: other epsilons, norms, spaces or data sets.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnascl_tf.errors import UserError
from rnascl_tf.files import write_csv
from rnascl_tf.record import Record, RecordError
from rnascl_tf.report.titles import epsilon_text
from rnascl_tf.robustness import (
    Accuracy,
    AttackResult,
    parse_epsilon,
    results_from_json,
    strongest_attack,
)

STRONGEST = "strongest"
"""In place of an attack's name: for each model the attack with its lowest accuracy."""


@dataclasses.dataclass(frozen=True)
class Point:
    """One model of one run.

    Attributes:
        run: short name of the run, unique among the records.
        model: "teacher", or the record's name of a student.
        data: name of the data set.
        params: trainable parameters; None for a teacher, whose record does not have them.
        clean: clean accuracy.
        attack: name of the attack.
        epsilon: in pixel units of [0, 1].
        norm: of the threat model.
        space: where epsilon is measured.
        robust: accuracy under the attack.
    """

    run: str
    model: str
    data: str
    params: int | None
    clean: Accuracy
    attack: str
    epsilon: float
    norm: str
    space: str
    robust: Accuracy

    def columns(self) -> dict[str, Any]:
        """Returns {column: value} of a CSV file; accuracies and the ends of intervals in [0, 1]."""
        return {
            "run": self.run,
            "model": self.model,
            "data": self.data,
            "params": self.params,
            **_columns("clean", self.clean),
            "attack": self.attack,
            "epsilon": self.epsilon,
            "norm": self.norm,
            "space": self.space,
            **_columns("robust", self.robust),
        }


def _columns(name: str, accuracy: Accuracy) -> dict[str, Any]:
    low, high = accuracy.interval
    values = {"": accuracy.value, "_low": low, "_high": high, "_n": accuracy.n}
    return {f"{name}{suffix}": value for suffix, value in values.items()}


class ScatterError(UserError):
    """Records that cannot be drawn together; the message says why."""


def scatter_points(
    paths: Sequence[str | Path], attack: str = "pgd20", epsilon: str | float | None = None
) -> tuple[list[Point], list[str]]:
    """Collects a point for every model that has a clean accuracy and one under the attack.

    One teacher with one measurement, used by several runs, is one point: that of its first run.

    Args:
        paths: run directories or record files.
        attack: an attack's name, or `STRONGEST`.
        epsilon: a number, or text such as "2/255"; None takes each record's own.

    Returns:
        The points, in the order of the paths, and a line for each model that was left out.

    Raises:
        RecordError: a path holds no record, or an incomplete one.
        RobustnessError: `epsilon` cannot be read.
        ScatterError: no record, no point, or points that do not compare.
    """
    if not paths:
        raise ScatterError("no record was given: rnascl scatter RUN...")
    wanted = None if epsilon is None else parse_epsilon(epsilon)
    files = list(dict.fromkeys(file for path in paths for file in _record_files(path)))
    points: list[Point] = []
    left_out, seen = [], set()
    for file, run in zip(files, short_names(files), strict=True):
        values = Record(file).values
        try:
            measured = results_from_json(values["robustness"])
            for model, results in measured.items():
                key = _identity(values, model, results)
                if key is not None and key in seen:
                    continue
                seen.add(key)
                found = _select(results, attack, wanted)
                if isinstance(found, str):
                    left_out.append(f"{run}, {model}: {found}; left out.")
                    continue
                points.append(_point(run, model, values, results, *found))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(
                f"{file} is damaged ({error!r}): its run must write it again."
            ) from error
    if not points:
        raise ScatterError(
            f"no model of these {len(files)} records was measured clean and under {attack}"
            f"{'' if wanted is None else f' at epsilon {epsilon_text(wanted)}'}: give another "
            "--attack or --epsilon, or run their evaluate stages."
        )
    _refuse_mixture(points)
    return points, left_out


def short_names(files: Sequence[Path]) -> list[str]:
    """Returns the shortest unique names of record files, which are absolute and all different.

    A run is called by its folder's name, a record under another name than `record.json` by its own.
    Where two names are the same, as many parent folders are added as tell them apart.
    """
    places = [file.parent if file.name == "record.json" else file.with_suffix("") for file in files]
    parts = [place.parts[1:] or ("root",) for place in places]
    return [_shortest(own, [other for other in parts if other is not own]) for own in parts]


def _shortest(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> str:
    for depth in range(1, len(own) + 1):
        if all(own[-depth:] != other[-depth:] for other in others):
            break
    return "/".join(own[-depth:])


def write_points(points: Sequence[Point], path: Path) -> None:
    """Writes the points as CSV, see `Point.columns`; at least one."""
    rows = [point.columns() for point in points]
    write_csv(path, rows, list(rows[0]))


def _record_files(path: str | Path) -> list[Path]:
    """Returns the record of a run folder, or those of all runs below a folder (a comparison's)."""
    path = Path(path)
    files = [path] if path.is_file() else [path / "record.json"]
    if not files[0].is_file():
        files = sorted(path.rglob("record.json"))
    if not files:
        what = "holds no record.json" if path.is_dir() else "does not exist"
        raise RecordError(f"{path} {what}: give run folders or their record.json.")
    return [file.resolve() for file in files]


def _identity(
    values: Mapping[str, Any], model: str, results: Mapping[str, AttackResult]
) -> tuple | None:
    """Returns what makes a teacher's point the same as another's; None for other models."""
    if model != "teacher":
        return None
    measured = [(name, result.accuracy, result.epsilon) for name, result in results.items()]
    return (values["teacher"]["sha256"], *measured)


def _select(
    results: Mapping[str, AttackResult], attack: str, epsilon: float | None
) -> tuple[str, AttackResult] | str:
    """Returns (name, result) of the attack, or a text that says why there is none."""
    if "clean" not in results:
        return "no clean accuracy"
    candidates = {
        name: result
        for name, result in results.items()
        if name != "clean"
        and attack in (STRONGEST, name.partition("@")[0])
        and (
            "@" not in name
            if epsilon is None
            else math.isclose(result.epsilon, epsilon, rel_tol=1e-6)
        )
    }
    if not candidates:
        place = "" if epsilon is None else f" at epsilon {epsilon_text(epsilon)}"
        return f"not measured under {'any attack' if attack == STRONGEST else attack}{place}"
    name = strongest_attack(candidates)
    return name.partition("@")[0], candidates[name]


def _point(
    run: str,
    model: str,
    values: Mapping[str, Any],
    results: Mapping[str, AttackResult],
    attack: str,
    robust: AttackResult,
) -> Point:
    return Point(
        run=run,
        model=model,
        data=values["config"]["data"]["name"],
        params=None if model == "teacher" else int(values["architecture"]["params"]),
        clean=results["clean"].accuracy,
        attack=attack,
        epsilon=robust.epsilon,
        norm=values["config"]["threat"]["norm"],
        space=robust.space,
        robust=robust.accuracy,
    )


def _refuse_mixture(points: Sequence[Point]) -> None:
    first = points[0]
    for point in points:
        for what, advice in (
            ("data", "draw each data set by itself"),
            ("space", "draw each space by itself"),
            ("norm", "draw each norm by itself"),
            ("epsilon", "choose one that all were measured at, --epsilon=8/255, or leave some out"),
        ):
            ours, theirs = getattr(first, what), getattr(point, what)
            same = math.isclose(ours, theirs, rel_tol=1e-6) if what == "epsilon" else ours == theirs
            if not same:
                if what == "epsilon":
                    ours, theirs = epsilon_text(ours), epsilon_text(theirs)
                raise ScatterError(
                    f"{first.run} and {point.run} do not compare: {what} {ours} and {theirs}; {advice}."
                )
