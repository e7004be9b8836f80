"""Keras files from anywhere: no code in them runs, and what they unpack to is bounded."""

import zipfile

import keras

LARGEST_WEIGHTS = 8 * 2**30
LARGEST_DESCRIPTION = 64 * 2**20


def load_keras_file(path):
    """Loads a model of a `.keras` file in Keras' safe mode, uncompiled.

    Args:
        path: of the file.

    Raises:
        Exception: whatever the readers of the archive's parts raise over damage; ValueError with one
            line where it unpacks to more than a model would, or its layers hold Python code.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            weights = member.filename.endswith(".h5")
            most = LARGEST_WEIGHTS if weights else LARGEST_DESCRIPTION
            if member.file_size > most:
                raise ValueError(
                    f"its {member.filename} unpacks to {member.file_size:,} bytes, {most:,} at most "
                    "are read"
                )
    return keras.models.load_model(path, compile=False)
