"""Keras files: models come back; what unpacks to too much is refused before it is unpacked."""

import zipfile

import keras
import numpy as np
import pytest

from rnascl_tf.files import keras_reader, load_keras_file


@pytest.fixture
def path(tmp_path):
    images = keras.Input((5, 3, 2))
    logits = keras.layers.Dense(7)(keras.layers.Flatten()(images))
    keras.Model(images, logits).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_the_model_comes_back(path):
    images = np.linspace(0, 1, 30, dtype=np.float32).reshape(1, 5, 3, 2)
    loaded = load_keras_file(path)
    np.testing.assert_array_equal(loaded(images), keras.models.load_model(path)(images))


@pytest.mark.parametrize(
    ("member", "limit"),
    [("config.json", "LARGEST_DESCRIPTION"), ("model.weights.h5", "LARGEST_WEIGHTS")],
)
def test_what_unpacks_to_too_much_is_refused(path, member, limit, monkeypatch):
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[member] = parts[member].ljust(10**6)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert path.stat().st_size < 10**5
    monkeypatch.setattr(keras_reader, limit, 10**6 - 1)
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: pytest.fail("was unpacked"))
    with pytest.raises(
        ValueError, match=f"its {member} unpacks to 1,000,000 bytes, at most 999,999"
    ):
        load_keras_file(path)
