"""The teacher's files in a run's folder, and the ONNX file that a config names, as a `Teacher`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

import teachers
from rnascl_tf.files import read_json
from rnascl_tf.runs.stage_files import stage_file
from teachers import Teacher, TeacherError

if TYPE_CHECKING:
    from rnascl_tf.runs.run import Run


def load_teacher(run: Run) -> Teacher:
    """Returns the `Teacher` that the stage has accepted."""
    path = stage_file(run.workdir, "teacher", "teacher.json")
    try:
        description = read_json(path)
        name, digest = description["file"], description.get("sha256")
        # Runs older than this choice ran their teachers in float32.
        precision = description.get("precision", {}).get("chosen", "float32")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TeacherError(f"{path} is damaged: start the teacher stage again.") from error
    if name not in ("teacher.onnx", "teacher.keras"):
        raise TeacherError(f"{path} names {name!r}, not a file of the teacher stage.")
    given = run.config.teacher.onnx
    if name == "teacher.onnx" and not path.with_name(name).exists() and given:
        # Published runs come without their teachers, which have owners and licences of their own.
        teacher = load_onnx(run, given)
        if teacher.sha256 == digest:
            logging.info(
                "teacher: %s is not there; %s is the same file", path.with_name(name), given
            )
            return teacher.in_precision(precision)
    return load_written_teacher(run, name).in_precision(precision)


def load_onnx(run: Run, path: str | Path) -> Teacher:
    """Returns the config's ONNX teacher from a path, checked against the data set."""
    settings = run.config.teacher
    return teachers.load_onnx(
        path,
        mean=tuple(settings.mean) or None,
        std=tuple(settings.std) or None,
        **_expectations(run),
    )


def load_written_teacher(run: Run, name: str) -> Teacher:
    """Returns the teacher of a file that the teacher stage has written."""
    path = stage_file(run.workdir, "teacher", name)
    if path.suffix == ".onnx":
        return load_onnx(run, path)
    return teachers.load_keras(path, **_expectations(run))


def _expectations(run: Run) -> dict[str, Any]:
    return {
        "attention_size": run.config.search.attention_size,
        "taps": run.config.teacher.taps,
        "num_classes": run.dataset.num_classes,
        "input_shape": run.dataset.input_shape,
    }
