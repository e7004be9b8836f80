"""Files that a stage has left in a run's folder."""

from pathlib import Path

from rnascl_tf.errors import UserError
from rnascl_tf.files import load_keras_file


def load_student(workdir, stage):
    """Returns the student that a stage has saved in a run directory.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = stage_file(workdir, stage, "student.keras")
    try:
        return load_keras_file(path)
    except Exception as error:  # a damaged archive raises whatever its parts' readers do
        raise UserError(
            f"{path} is damaged: start the {stage} stage again, --overwrite --stages={stage} and "
            "those behind it."
        ) from error


def stage_file(workdir, stage, name):
    """Returns the path of a file that a stage has left in a run directory.

    Raises:
        UserError: it is not there.
    """
    path = Path(workdir) / stage / name
    if not path.exists():
        raise UserError(
            f"{path} is missing: run the {stage} stage first (--stages={stage}, or no --stages for "
            "all)."
        )
    return path
