"""A classifier from a file, whatever its kind: Keras, SavedModel, ONNX or TFLite.

All map images in [0, 1] to logits. A TFLite file has no gradients.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import tensorflow as tf

import teachers
from rnascl_tf.deploy import TFLiteClassifier
from rnascl_tf.errors import first_line
from rnascl_tf.files import load_keras_file
from rnascl_tf.model_files.kinds import ModelFileError, kind_of, refuse_other_content
from rnascl_tf.robustness import BlackBoxFunction
from rnascl_tf.robustness.logits_function import AttackedModel

SIGNATURE = "serving_default"


Shape: TypeAlias = tuple[int, ...]
"""(height, width, channels)."""


@dataclasses.dataclass(frozen=True, eq=False)
class ModelFile:
    """A loaded classifier.

    Attributes:
        path: of the file or folder.
        kind: "keras", "saved_model", "onnx" or "tflite".
        model: what `robustness.evaluate` attacks.
        sha256: of the file, or of all files of the folder.
        input_shape: of its images, or None where the file leaves it free.
        params: number of parameters, or None where the file does not say.
    """

    path: Path
    kind: str
    model: AttackedModel
    sha256: str
    input_shape: Shape | None
    params: int | None


def load_model_file(
    path: str | Path,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    num_classes: int | None = None,
    input_shape: Shape | None = None,
) -> ModelFile:
    """Loads a classifier.

    Args:
        path: a .keras, .onnx or .tflite file, or the folder of a SavedModel.
        mean: per-channel mean of an ONNX file that expects normalised images.
        std: per-channel standard deviation, likewise.
        num_classes: refuse a file with another number of classes.
        input_shape: of the images that it will get.

    Raises:
        ModelFileError: it is missing, damaged or of an unknown kind.
        TeacherError, DeployError: an ONNX or TFLite file that cannot be used.
    """
    path, kind = Path(path), kind_of(path)
    if (mean or std) and kind != "onnx":
        raise ModelFileError(
            f"a mean and std came with {path.name}; only ONNX files are normalised from outside. "
            "Put the normalisation into the model as its first layer."
        )
    if kind == "onnx":
        loaded = _load_onnx(path, mean, std, num_classes, input_shape)
    else:
        loaded = _LOADERS[kind](path)
    shape = loaded.input_shape
    if shape is not None and input_shape is not None and shape != tuple(input_shape):
        raise ModelFileError(
            f"{path} takes images of {shape}, the data set's are {tuple(input_shape)}; "
            "give the data set that it was trained for."
        )
    return ModelFile(path, kind, loaded.model, _digest(path), shape, loaded.params)


class _Loaded(NamedTuple):
    """See `ModelFile`."""

    model: AttackedModel
    input_shape: Shape | None
    params: int | None


def _load_keras(path: Path) -> _Loaded:
    refuse_other_content(path)  # Keras would say that there is no such file
    try:
        model = load_keras_file(path)
    except Exception as error:  # a damaged archive fails in zipfile, json, h5py or any layer
        raise ModelFileError(
            f"{path} is not a Keras model that loads here ({first_line(error, 200)}); save it again "
            "with model.save, and without Lambda layers."
        ) from error
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ModelFileError(f"{path} takes {shape}; one batch of images is needed.")
    return _Loaded(model, _known(shape[1:]), model.count_params())


def _load_saved_model(path: Path) -> _Loaded:
    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise ModelFileError(
            f"{path} is not a SavedModel with the signature {SIGNATURE} ({first_line(error, 200)}); "
            "export the model again."
        ) from error
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    names = list(outputs)
    chosen = "logits" if "logits" in names else names[0]
    if len(inputs) != 1 or (len(names) > 1 and chosen != "logits"):
        raise ModelFileError(
            f"{path} has the inputs {sorted(inputs)} and the outputs {sorted(names)}; one image "
            "input and an output named logits are needed."
        )
    ((name, specification),) = inputs.items()

    def logits(images: tf.Tensor) -> tf.Tensor:
        # The signature alone would not keep the weights alive.
        return loaded.signatures[SIGNATURE](**{name: images})[chosen]

    shape = specification.shape
    known = _known(shape[1:]) if shape.rank == 4 else None
    # Loaded variables do not say which are trainable.
    variables = getattr(loaded, "variables", ())
    params = sum(int(tf.size(variable)) for variable in variables) or None
    return _Loaded(logits, known, params)


def _load_onnx(
    path: Path,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    num_classes: int | None,
    input_shape: Shape | None,
) -> _Loaded:
    teacher = teachers.load_onnx(path, mean, std, num_classes=num_classes, input_shape=input_shape)
    classifier = teacher.classifier
    return _Loaded(classifier, tuple(teacher.input_shape), classifier.count_params())


def _load_tflite(path: Path) -> _Loaded:
    classifier = TFLiteClassifier(path.read_bytes())
    return _Loaded(BlackBoxFunction(classifier.predict), tuple(classifier.input_shape), None)


_LOADERS: dict[str, Callable[[Path], _Loaded]] = {
    "keras": _load_keras,
    "saved_model": _load_saved_model,
    "tflite": _load_tflite,
}


def _digest(path: Path) -> str:
    if path.is_file():
        return _file_digest(path).hexdigest()
    total = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        total.update(str(file.relative_to(path)).encode())
        total.update(_file_digest(file).digest())
    return total.hexdigest()


def _file_digest(path: Path) -> "hashlib._Hash":
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256")


def _known(shape: Iterable[int | None]) -> Shape | None:
    sizes = [None if size is None else int(size) for size in shape]
    return None if None in sizes else tuple(size for size in sizes if size is not None)
