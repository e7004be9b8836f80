"""A Keras classifier as a SavedModel with the signature images -> logits, any batch size."""

import tempfile
from pathlib import Path

import keras

from rnascl_tf.deploy.errors import DeployError


def export_saved_model(model, directory):
    """Writes a classifier, in evaluation mode, as a SavedModel.

    Its `serving_default` takes `images`, float32 [batch, height, width, channels] in [0, 1], and
    gives `logits`, float32 [batch, classes].

    The folder appears complete or not at all: an earlier export in its place stays until the new
    one is written.

    Args:
        model: a built Keras model, images -> logits.
        directory: folder to write; its parents are made.

    Returns:
        The folder as a `Path`.

    Raises:
        DeployError: `directory` is a file, or holds something else than a SavedModel.
    """
    directory = Path(directory)
    if directory.is_file() or (
        directory.is_dir()
        and any(directory.iterdir())
        and not (directory / "saved_model.pb").is_file()
    ):
        raise DeployError(f"{directory} is not a SavedModel: remove it, or give another folder.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # A wrapper, because Keras names a signature's outputs after the keys of the model's output.
    images = keras.Input(model.input_shape[1:], name="images", dtype="float32")
    classifier = keras.Model(images, {"logits": model(images, training=False)})
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as scratch:
        written = Path(scratch, "new")
        classifier.export(written, format="tf_saved_model", verbose=False)
        # A folder with content cannot be replaced in one step; moved aside, it can be put back.
        earlier = Path(scratch, "earlier")
        if directory.exists():
            directory.rename(earlier)
        try:
            written.rename(directory)
        except OSError:
            if earlier.exists():
                earlier.rename(directory)
            raise
    return directory
