"""A model's kind is told by its path alone."""

import zipfile

import pytest

from rnascl_tf.model_files import ModelFileError, kind_of, refuse_other_content
from rnascl_tf.model_files.kinds import KINDS
from teachers import TeacherError


@pytest.mark.parametrize("kind", ["keras", "onnx", "tflite"])
def test_by_suffix(tmp_path, kind):
    path = tmp_path / f"model.{kind}"
    path.write_bytes(b"")
    assert kind_of(str(path)) == kind
    assert kind in KINDS


def test_a_folder_is_a_saved_model(tmp_path):
    assert kind_of(tmp_path) == "saved_model"


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.h5", "Save an .h5 as .keras"), ("model.pt", "neither a .keras"), ("model", "neither")],
)
def test_other_files_are_refused(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelFileError, match=message):
        kind_of(tmp_path / name)
    with pytest.raises(ModelFileError, match="does not exist"):
        kind_of(tmp_path / f"other_{name}")


def test_a_keras_file_that_is_not_an_archive_is_refused_by_its_bytes(tmp_path):
    (tmp_path / "a.keras").write_text("no archive")
    with pytest.raises(ModelFileError, match=r"a\.keras is damaged or not a Keras model"):
        refuse_other_content(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    refuse_other_content(tmp_path / "b.keras")
    (tmp_path / "a.tflite").write_text("not looked into")
    refuse_other_content(tmp_path / "a.tflite")


def test_an_onnx_file_that_is_damaged_is_refused(tmp_path):
    (tmp_path / "a.onnx").write_text("no model")
    with pytest.raises(TeacherError, match=r"a\.onnx is not an ONNX file, or is damaged"):
        refuse_other_content(tmp_path / "a.onnx")
