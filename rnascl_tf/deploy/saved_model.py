"""A Keras classifier as a SavedModel that TensorFlow alone can load and run, with any batch size.

| signature         | takes `images`                                      | gives                     |
|-------------------|-----------------------------------------------------|---------------------------|
| `serving_default` | float32 [batch, height, width, channels] in [0, 1]  | `logits`, `probabilities` |
| `serve_uint8`     | uint8, the same shape, 0 to 255                     | `logits`, `probabilities` |

Both outputs are float32 [batch, classes]. `tf.saved_model.load(DIR).class_names.asset_path` is the
path of a text file in `assets/` with one class name per line.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.files import atomic_folder

CLASS_NAMES = "class_names.txt"


def export_saved_model(
    model: keras.Model, directory: str | Path, class_names: Sequence[str] = ()
) -> Path:
    """Writes a classifier, in evaluation mode, as a SavedModel with the signatures above.

    The folder appears complete or not at all: an earlier export in its place stays until the new one
    is written.

    Args:
        model: a built model, images -> logits.
        directory: folder to write; its parents are created.
        class_names: name of each class, in the logits' order; without names there is no such file.

    Returns:
        The folder.

    Raises:
        DeployError: the place is taken by a file or by another kind of folder; or the number of names
            is not the number of classes; or a name contains a line break.
    """
    directory = Path(directory)
    _check_names(class_names, model.output_shape[-1])
    if directory.is_file() or (
        directory.is_dir()
        and any(directory.iterdir())
        and not (directory / "saved_model.pb").is_file()
    ):
        raise DeployError(f"{directory} is not a SavedModel: remove it, or give another folder.")
    with tempfile.TemporaryDirectory() as scratch, atomic_folder(directory) as written:
        _write(model, class_names, Path(scratch), written)
    return directory


def _check_names(names: Sequence[str], classes: int) -> None:
    if names and len(names) != classes:
        raise DeployError(
            f"there are {len(names)} class names for {classes} logits: give one for each."
        )
    broken = [name for name in names if len(str(name).splitlines()) != 1]
    if broken:
        raise DeployError(
            f"the class name {broken[0]!r} is not one line of text: rename the class."
        )


def _write(model: keras.Model, class_names: Sequence[str], scratch: Path, directory: Path) -> None:
    height, width, channels = model.input_shape[1:]

    def answers(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = tf.cast(model(images, training=False), tf.float32)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    def signature(
        function: Callable[[tf.Tensor], dict[str, tf.Tensor]], dtype: tf.DType
    ) -> Callable[..., dict[str, tf.Tensor]]:
        shape = (None, height, width, channels)
        # Nothing for AutoGraph, which would take seconds to read Keras' source.
        spec = tf.TensorSpec(shape, dtype, name="images")
        return tf.function(function, input_signature=[spec], autograph=False)

    # The saved object must own all variables that the graphs read. It is not the model itself, whose
    # layers' classes do not exist in a process without this package.
    exported = tf.train.Checkpoint(variables=[variable.value for variable in model.variables])
    if class_names:
        names = scratch / CLASS_NAMES
        names.write_text("".join(f"{name}\n" for name in class_names), encoding="utf-8")
        exported.class_names = tf.saved_model.Asset(str(names))
    signatures = {
        "serving_default": signature(answers, tf.float32),
        "serve_uint8": signature(
            lambda images: answers(tf.cast(images, tf.float32) / 255.0), tf.uint8
        ),
    }
    tf.saved_model.save(exported, str(directory), signatures=signatures)
