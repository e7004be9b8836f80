"""Classifies image files with a run's trained student."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnascl_tf import data, runs, stages
from rnascl_tf.errors import UserError
from rnascl_tf.files import require_file
from rnascl_tf.record import Record


@dataclasses.dataclass(frozen=True)
class Classification:
    """The most probable classes of an image.

    Attributes:
        image: the file.
        classes: (class name, probability in [0, 1]) pairs, the most probable first.
    """

    image: Path
    classes: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        shown = [f"{name} {100 * probability:.1f}%" for name, probability in self.classes]
        return f"{self.image}: {', '.join(shown)}"


def classify_images(
    workdir: str | Path, images: Sequence[str | Path], top: int = 3
) -> list[Classification]:
    """Classifies images of any size and mode, in RGB, their centre resized to the student's input.

    Args:
        workdir: folder of a run that has exported its student.
        images: image files.
        top: number of classes wanted for each, at least 1.

    Raises:
        UserError: no run, no student, or a file that is not an image.
    """
    path = Path(workdir) / "record.json"
    if not path.exists():
        raise UserError(f"{path.parent} is not a run folder: give the --workdir of a finished run.")
    for image in images:
        require_file(image, "an image file")
    record = Record(path)
    # The export stage writes both: a run without it says so here, before TensorFlow is imported.
    labels = runs.stage_file(workdir, "export", "labels.txt").read_text().splitlines()
    for image in images:
        data.check_image(image)
    student = runs.load_student(workdir, _exported_stage(record))
    # As the evaluation has seen its images.
    margin = data.MARGIN if record["config"]["data"].get("resized_crop") else 1.0
    pixels = data.unit_range(data.read_images(images, student.input_shape[1:], margin))
    logits = student.predict(pixels, verbose=0).astype(np.float64)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponents / exponents.sum(axis=1, keepdims=True)
    return [
        Classification(
            Path(image),
            tuple((labels[index], float(row[index])) for index in np.argsort(-row)[:top]),
        )
        for image, row in zip(images, probabilities, strict=True)
    ]


def _exported_stage(record: Record) -> str:
    """Returns the stage whose student the run has exported: the fine-tuned one, if there is one."""
    exports = record.get("exports") or [{}]
    return stages.student_stages()[exports[0].get("model", "student")].name
