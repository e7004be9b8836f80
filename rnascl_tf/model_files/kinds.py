"""Which kind of model a path holds, told by its name and without TensorFlow."""

import zipfile
from pathlib import Path

import teachers
from rnascl_tf.errors import UserError

KINDS = ("keras", "saved_model", "onnx", "tflite")


class ModelFileError(UserError):
    """A model file that cannot be used; the message says why and how to fix it."""


def kind_of(path: str | Path) -> str:
    """Returns the one of `KINDS` that a path is: by its suffix, a folder as a SavedModel.

    Raises:
        ModelFileError: nothing is there, or it is of another kind.
    """
    path = Path(path)
    if not path.exists():
        raise ModelFileError(f"{path} does not exist; give the path of a model.")
    kind = "saved_model" if path.is_dir() else path.suffix.removeprefix(".")
    if kind not in KINDS:
        fix = " Save an .h5 as .keras: keras.models.load_model, then model.save."
        raise ModelFileError(
            f"{path} is neither a .keras, .onnx or .tflite file nor the folder of a SavedModel."
            f"{fix if kind in ('h5', 'hdf5') else ''}"
        )
    return kind


def refuse_other_content(path: str | Path) -> None:
    """Refuses what can be seen to be something else without TensorFlow: a .keras file is an archive.

    Raises:
        ModelFileError: as `kind_of`, or a .keras file that is not an archive.
        TeacherError: an ONNX file that is damaged or not an image classifier.
    """
    kind = kind_of(path)
    if kind == "keras" and not zipfile.is_zipfile(path):
        raise ModelFileError(
            f"{path} is damaged or not a Keras model; save it again with model.save."
        )
    if kind == "onnx":
        teachers.read_onnx(path)
