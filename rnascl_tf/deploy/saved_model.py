"""A Keras classifier as a SavedModel that TensorFlow alone can load and ask, any batch size.

| signature         | takes `images`                                      | gives                     |
|-------------------|-----------------------------------------------------|---------------------------|
| `serving_default` | float32 [batch, height, width, channels] in [0, 1]  | `logits`, `probabilities` |
| `serve_uint8`     | uint8, the same shape, 0 to 255                     | `logits`, `probabilities` |

Both outputs are float32 [batch, classes]. `tf.saved_model.load(DIR).class_names.asset_path` is the
path of a text file with the name of each class, one on a line; it lies in `assets/`.
"""

import tempfile
from pathlib import Path

import tensorflow as tf

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.files import atomic_folder

CLASS_NAMES = "class_names.txt"


def export_saved_model(model, directory, class_names=()):
    """Writes a classifier, in evaluation mode, as a SavedModel with the signatures above.

    The folder appears complete or not at all: an earlier export in its place stays until the new
    one is written.

    Args:
        model: a built Keras model, images -> logits.
        directory: folder to write; its parents are made.
        class_names: name of each class, in the logits' order; none writes no such file.

    Returns:
        The folder as a `Path`.

    Raises:
        DeployError: `directory` is a file, or holds something else than a SavedModel; or there are
            not as many names as classes, or one holds a line break.
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


def _check_names(names, classes):
    if names and len(names) != classes:
        raise DeployError(f"{len(names)} class names came for {classes} logits: give one for each.")
    broken = [name for name in names if len(str(name).splitlines()) != 1]
    if broken:
        raise DeployError(
            f"the class name {broken[0]!r} is not one line of text: rename the class."
        )


def _write(model, class_names, scratch, directory):
    height, width, channels = model.input_shape[1:]

    def answers(images):
        logits = tf.cast(model(images, training=False), tf.float32)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    def signature(function, dtype):
        shape = (None, height, width, channels)
        return tf.function(function, input_signature=[tf.TensorSpec(shape, dtype, name="images")])

    # What the graphs read must hang on the object that is saved; the model itself would bring the
    # classes of its layers with it, which a process without this package does not have.
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
