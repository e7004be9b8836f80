"""Reads Keras files of unknown origin: no code in them runs, and what they unpack to is bounded."""

import zipfile
from pathlib import Path

import keras

LARGEST_WEIGHTS = 8 * 2**30
LARGEST_DESCRIPTION = 64 * 2**20


def load_keras_file(path: str | Path) -> keras.Model:
    """Loads the model in a `.keras` file, uncompiled, in Keras' safe mode.

    Raises:
        ValueError: the file unpacks to more than a model needs, or its layers hold Python code; one
            line.
        Exception: the file is damaged; each reader of its parts raises errors of its own.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            weights = member.filename.endswith(".h5")
            most = LARGEST_WEIGHTS if weights else LARGEST_DESCRIPTION
            if member.file_size > most:
                raise ValueError(
                    f"its {member.filename} unpacks to {member.file_size:,} bytes, at most {most:,} "
                    "are read"
                )
    return keras.models.load_model(path, compile=False)
