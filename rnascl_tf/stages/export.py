"""Export stage: SavedModel and TFLite files of the student, each tested and attacked itself.

A device runs the file and not the model that it was made from. So the record holds each file's own
accuracy, clean and under attack, and the Keras student's under the same attacks.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

from rnascl_tf import data, deploy, report, robustness, runs, stages
from rnascl_tf.console import progress
from rnascl_tf.errors import UserError
from rnascl_tf.files import write_bytes, write_text
from rnascl_tf.recipes.choices import CHOICES
from rnascl_tf.recipes.rules import (
    AT_LEAST_0,
    AT_LEAST_1,
    check_choice,
    check_values,
    split_names,
)
from rnascl_tf.stages.stage import Stage

if TYPE_CHECKING:
    from ml_collections import ConfigDict

SECONDS_PER_CONVERSION = 5
"""To TFLite, measured on S3; the number of operators decides, not their size."""


def run(run: runs.Run) -> None:
    """Writes `DIR/export/`: `saved_model/`, `student_<kind>.tflite`, `labels.txt`, `README.md`.

    The student is that of `stages.exported_stage`. README.md is its model card, and SHA256SUMS
    verifies the files. `attacked/` keeps what Square has found, so that a stopped stage resumes.
    """
    settings, dataset = run.config.export, run.dataset
    student = run.student(stages.exported_stage(run.config).name)
    folder = run.folder("export")
    deploy.export_saved_model(student, folder / "saved_model", dataset.class_names)
    write_text(folder / "labels.txt", "\n".join(dataset.class_names) + "\n")
    files = _converted(run, folder)
    test = dataset.test.evenly_spaced(settings.examples)
    comparison = stages.FileComparison(
        run, student, test.as_float(), test.labels, folder / "attacked"
    )
    timings = _timed(run, files)
    run.record["exports"] = exports = [
        _described(run, kind, content, timings[kind], comparison) for kind, content in files.items()
    ]
    for export in exports:
        _warn(export)
    write_text(folder / "SHA256SUMS", _sums(folder, settings.kinds))
    write_text(folder / "README.md", report.model_card(run.record, dataset, stages.model_styles()))


def _calibration(run: runs.Run) -> data.LabelledImages:
    train = run.dataset.train
    return train.evenly_spaced(min(run.config.export.calibration_examples, len(train)))


def _converted(run: runs.Run, folder: Path) -> dict[str, bytes]:
    """Returns the TFLite file of each kind, written unless it is there already."""
    kinds, images = run.config.export.kinds, _calibration(run).as_float()
    paths = {kind: folder / f"student_{kind}.tflite" for kind in kinds}
    # Results from before a stop are found by the file's hash, and a second conversion may give
    # another one.
    missing = [kind for kind, path in paths.items() if not path.exists()]
    with progress("export", "files") as on_file:
        made = deploy.convert_each(folder / "saved_model", missing, images) if missing else ()
        for number, (kind, content) in enumerate(made, start=1):
            write_bytes(paths[kind], content)
            on_file("conversion", number, len(missing))
    return {kind: path.read_bytes() for kind, path in paths.items()}


def _timed(run: runs.Run, files: Mapping[str, bytes]) -> dict[str, deploy.Timing]:
    settings = run.config.export
    with progress("latency", "rounds") as on_round:
        return deploy.measure_interleaved(
            files,
            settings.threads,
            settings.runs,
            on_round=lambda *done: on_round("interleaved", *done),
        )


def _described(
    run: runs.Run,
    kind: str,
    content: bytes,
    timing: deploy.Timing,
    comparison: stages.FileComparison,
) -> dict[str, Any]:
    """Returns what the record says of one file."""
    sha256 = hashlib.sha256(content).hexdigest()
    calibration = {
        "images": len(_calibration(run)),
        "of": "the training split, evenly spaced: no seed",
    }
    return {
        "file": f"export/student_{kind}.tflite",
        "model": stages.exported_stage(run.config).student,
        "kind": kind,
        "bytes": len(content),
        "sha256": sha256,
        **comparison.measured(kind, deploy.TFLiteClassifier(content), sha256),
        "latency": dataclasses.asdict(timing.latency),
        "latency_target": runs.measured_beside_predicted(run, kind, timing),
        "delegation": dataclasses.asdict(deploy.delegation(content)),
        "quantization": deploy.quantization(content),
        "calibration": calibration if kind == "int8" else None,
    }


def _sums(folder: Path, kinds: Sequence[str]) -> str:
    """Returns what `sha256sum -c` reads: a line for each file that an application may use."""
    paths = [folder / f"student_{kind}.tflite" for kind in kinds] + [folder / "labels.txt"]
    paths += sorted(path for path in (folder / "saved_model").rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in paths
    )


def _warn(export: dict[str, Any]) -> None:
    robust = export["robust"]
    if robust["flagged"]:
        logging.warning(
            "export: %s loses robust accuracy compared with the Keras student: %.1f points under "
            "transferred images (n = %d), %.1f under all attacks (n = %d)",
            export["file"],
            robust["drop_points_transferred"],
            robust["transferred"]["n"],
            robust["drop_points"],
            robust["n"],
        )


def check(config: ConfigDict) -> None:
    """Checks the section `export`; splits its lists at commas."""
    settings = config.export
    keys = ("examples", "threads", "runs", "calibration_examples", "square_queries")
    check_values(config, {f"export.{key}": AT_LEAST_1 for key in keys})
    check_values(config, {"export.square_examples": AT_LEAST_0})
    for key in ("kinds", "transferred"):
        settings[key] = split_names(f"export.{key}", settings[key])
    for kind in settings.kinds:
        check_choice("export.kinds", kind, CHOICES["export.kinds"])
    threat_model = runs.threat_model_of(config)
    for name in settings.transferred:
        try:
            attack = robustness.attack_named(name)
            if isinstance(attack, robustness.Cascade):
                raise robustness.RobustnessError(f"{name} is several attacks.")
            robustness.check_norm(attack, threat_model)
        except robustness.RobustnessError as error:
            raise UserError(
                f"--config.export.transferred={name}: give attacks with gradients for the norm "
                f"{threat_model.norm}, as pgd20 or cw."
            ) from error


def estimate(run: runs.Run) -> float:
    """Returns the seconds of conversions, attacks on the Keras student, and asking every file."""
    settings = run.config.export
    _, model = stages.student_model(run, stages.untrained_student(run), None, 1)
    per_image = stages.forward_seconds(run, model)
    steps = sum(robustness.attack_named(name).steps for name in settings.transferred)
    asked = settings.examples * (1 + len(settings.transferred))
    asked += min(settings.square_examples, settings.examples) * settings.square_queries
    models = 1 + len(settings.kinds)
    # A backward pass costs about twice the forward pass before it.
    seconds = 3 * steps * settings.examples * per_image + models * asked * per_image
    return seconds + SECONDS_PER_CONVERSION * len(settings.kinds)


STAGE: Stage = Stage(
    name="export",
    title="write the student's files for devices, test and attack each",
    run=run,
    sections=("export",),
    reads_exported=True,
    on="one",
    findings=("exports",),
    check=check,
    counts={"export.examples": "test"},
    estimate=estimate,
)
