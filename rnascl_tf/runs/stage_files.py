"""Files that a stage has written in a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnascl_tf import files
from rnascl_tf.errors import UserError

if TYPE_CHECKING:
    import keras


def load_student(workdir: str | Path, stage: str) -> keras.Model:
    """Returns the student that a stage has saved in a run directory.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = stage_file(workdir, stage, "student.keras")
    try:
        return files.load_keras_file(path)
    except Exception as error:  # a damaged archive raises whatever its parts' readers do
        raise UserError(
            f"{path} is damaged: start the {stage} stage again, --overwrite --stages={stage} and the "
            "stages after it."
        ) from error


def stage_file(workdir: str | Path, stage: str, name: str) -> Path:
    """Returns the path of a file that a stage has written in a run directory.

    Raises:
        UserError: it does not exist.
    """
    path = Path(workdir) / stage / name
    if not path.exists():
        raise UserError(
            f"{path} is missing: run the {stage} stage first (--stages={stage}, or no --stages for "
            "all)."
        )
    return path
