"""A robust Keras model, from a file or from memory, to a `Teacher`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from rnascl_tf.errors import first_line
from rnascl_tf.files import load_keras_file
from teachers.errors import TeacherError
from teachers.expectations import agreed_image_shape, require_classes
from teachers.functional_model import call_of, functional_model
from teachers.keras_import.graph import convolution_graph
from teachers.taps.choice import choose_taps
from teachers.teacher import Teacher


def load_keras(
    path: str | Path,
    *,
    attention_size: int = 14,
    taps: str = "main",
    num_classes: int | None = None,
    input_shape: Sequence[int] | None = None,
) -> Teacher:
    """Loads a native `.keras` classifier, images in [0, 1] -> logits.

    `verify` compares logits with those of the same model before it was tapped, because there is no
    second implementation of a Keras file.

    Args:
        path: the .keras file.
        attention_size: side of the square grid of the attention maps.
        taps: as in `load_onnx`.
        num_classes: refuse a model with another number of classes.
        input_shape: (height, width, channels); refuse a model of another input size.

    Raises:
        TeacherError: the file cannot be used; the message is one line.
    """
    path = Path(path)
    if not path.is_file():
        raise TeacherError(f"{path} is not a file; give the path of a .keras file.")
    try:
        model = load_keras_file(path)
    except Exception as error:  # a damaged archive fails in zipfile, json, h5py or any layer
        raise TeacherError(
            f"{path} is not a Keras model that loads here ({first_line(error)}); "
            "save it again with model.save, and import the package of its custom layers."
        ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _tapped(
        model,
        str(path),
        path.stem,
        digest,
        attention_size=attention_size,
        taps=taps,
        num_classes=num_classes,
        input_shape=input_shape,
    )


def from_keras(
    model: keras.Model,
    *,
    attention_size: int = 14,
    taps: str = "main",
    num_classes: int | None = None,
    input_shape: Sequence[int] | None = None,
) -> Teacher:
    """Makes a teacher from a functional Keras classifier, images in [0, 1] -> logits.

    The teacher shares the model's weights and freezes its layers (`trainable = False`), so train
    first. `verify` compares logits with those of the model itself. `sha256` is of the weights.

    Args:
        model: a functional or sequential model with convolutions at its top level.
        attention_size: side of the square grid of the attention maps.
        taps: as in `load_onnx`.
        num_classes: refuse a model with another number of classes.
        input_shape: (height, width, channels); refuse a model of another input size.

    Raises:
        TeacherError: the model cannot be used; the message is one line.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(str((weight.shape, weight.dtype)).encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return _tapped(
        model,
        f"model {model.name!r}",
        model.name,
        digest.hexdigest(),
        attention_size=attention_size,
        taps=taps,
        num_classes=num_classes,
        input_shape=input_shape,
    )


class _UntappedModel:
    """The model before it was tapped, as the reference of its tapped copy."""

    description = "the untapped model"

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": np.asarray(self._model(images, training=False), np.float32)}


def _tapped(
    model: keras.Model,
    source: str,
    name: str,
    sha256: str,
    *,
    attention_size: int,
    taps: str,
    num_classes: int | None,
    input_shape: Sequence[int] | None,
) -> Teacher:
    functional = functional_model(model, source)
    images, logits = functional.inputs[0], functional.outputs[0]
    graph = convolution_graph(functional)
    sizes = [*images.shape[1:], *logits.shape[1:]]
    has_fixed_sizes = len(images.shape) == 4 and len(logits.shape) == 2 and None not in sizes
    if not has_fixed_sizes or not graph.convolutions:
        raise TeacherError(
            f"{source} is not a convolutional image classifier: input {images.shape}, output "
            f"{logits.shape}, {len(graph.convolutions)} convolutions at its top level; wanted "
            "images [N, height, width, channels] of fixed size, logits [N, classes] and at least "
            "one convolution."
        )
    last, _ = call_of(logits)
    if isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    ):
        raise TeacherError(
            f"{source} ends in a softmax at {last.name!r}, wanted logits; build that layer with "
            "activation=None."
        )
    agreed_image_shape(source, images.shape[1:], input_shape)
    require_classes(source, logits.shape[1], num_classes)
    chosen = choose_taps(tuple(graph.convolutions), graph.shortcuts, taps)
    return Teacher(
        images,
        logits,
        {tap: graph.convolutions[tap] for tap in chosen},
        name=name,
        sha256=sha256,
        reference=_UntappedModel(model),
        attention_size=attention_size,
    )
