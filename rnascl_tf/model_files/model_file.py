"""A classifier from a file, whatever its kind: Keras, SavedModel, ONNX or TFLite.

All take images in [0, 1] and give logits. A TFLite file answers and has no gradients.
"""

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

import teachers
from rnascl_tf.deploy import TFLiteClassifier
from rnascl_tf.files import load_keras_file
from rnascl_tf.model_files.kinds import ModelFileError, kind_of
from rnascl_tf.robustness import BlackBoxFunction

SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True, eq=False)
class ModelFile:
    """A loaded classifier.

    Attributes:
        path: of the file or folder.
        kind: "keras", "saved_model", "onnx" or "tflite".
        model: what `robustness.evaluate` attacks.
        sha256: of the file, or of all files of the folder.
        input_shape: (height, width, channels), or None where the file leaves it free.
        params: number of parameters, or None where the file does not say.
    """

    path: Path
    kind: str
    model: Callable
    sha256: str
    input_shape: tuple | None
    params: int | None


def load_model_file(path, *, mean=None, std=None, num_classes=None, input_shape=None):
    """Loads a classifier.

    Args:
        path: a .keras, .onnx or .tflite file, or the folder of a SavedModel.
        mean: per-channel mean of an ONNX file that expects normalised images.
        std: per-channel standard deviation, likewise.
        num_classes: refuse a file with another number of classes.
        input_shape: (height, width, channels) of the images it will get.

    Returns:
        A `ModelFile`.

    Raises:
        ModelFileError: it is missing, damaged or of no known kind.
        TeacherError, DeployError: an ONNX or TFLite file that cannot be used.
    """
    path, kind = Path(path), kind_of(path)
    if (mean or std) and kind != "onnx":
        raise ModelFileError(
            f"a mean and std came with {path.name}; only ONNX files are normalised from outside. "
            "Put the normalisation into the model as its first layer."
        )
    model, shape, params = _LOADERS[kind](path, mean, std, num_classes, input_shape)
    if shape is not None and input_shape is not None and tuple(shape) != tuple(input_shape):
        raise ModelFileError(
            f"{path} takes images of {shape}, the data set's are {tuple(input_shape)}; "
            "give the data set that it was trained for."
        )
    return ModelFile(path, kind, model, _digest(path), shape, params)


def _load_keras(path, *_):
    if not zipfile.is_zipfile(path):
        # Keras would say that there is no such file.
        raise ModelFileError(f"{path} is damaged or no Keras model; save it again with model.save.")
    try:
        model = load_keras_file(path)
    except Exception as error:  # a damaged archive fails in zipfile, json, h5py or any layer
        raise ModelFileError(
            f"{path} is not a Keras model that loads here ({_first_line(error)}); save it again "
            "with model.save, and without Lambda layers."
        ) from error
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ModelFileError(f"{path} takes {shape}; one batch of images is needed.")
    return model, _known(shape[1:]), model.count_params()


def _load_saved_model(path, *_):
    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise ModelFileError(
            f"{path} is no SavedModel with the signature {SIGNATURE} ({_first_line(error)}); "
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

    def logits(images):
        # The signature alone would not keep the weights alive.
        return loaded.signatures[SIGNATURE](**{name: images})[chosen]

    shape = specification.shape
    known = _known(shape[1:]) if shape.rank == 4 else None
    # Loaded variables carry no flag of training; those of our own exports are all there is.
    variables = getattr(loaded, "variables", ())
    params = sum(int(tf.size(variable)) for variable in variables) or None
    return logits, known, params


def _load_onnx(path, mean, std, num_classes, input_shape):
    teacher = teachers.load_onnx(path, mean, std, num_classes=num_classes, input_shape=input_shape)
    return teacher.classifier, tuple(teacher.input_shape), teacher.classifier.count_params()


def _load_tflite(path, *_):
    classifier = TFLiteClassifier(path.read_bytes())
    return BlackBoxFunction(classifier.predict), tuple(classifier.input_shape), None


_LOADERS = {
    "keras": _load_keras,
    "saved_model": _load_saved_model,
    "onnx": _load_onnx,
    "tflite": _load_tflite,
}


def _digest(path):
    if path.is_file():
        return _file_digest(path).hexdigest()
    total = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        total.update(str(file.relative_to(path)).encode())
        total.update(_file_digest(file).digest())
    return total.hexdigest()


def _file_digest(path):
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256")


def _known(shape):
    sizes = tuple(shape)
    return None if None in sizes else tuple(int(size) for size in sizes)


def _first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
