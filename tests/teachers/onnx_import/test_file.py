import hashlib
import random

import numpy as np
import onnx
import pytest
from onnx import helper

import teachers
from teachers.onnx_import import file as onnx_file
from teachers.onnx_import.file import load_proto


@pytest.fixture
def model_path(write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
    ]
    weights = {"kernel": np.arange(15, dtype=np.float32).reshape(5, 3, 1, 1)}
    return write_onnx(nodes, weights, ["batch", 3, 7, 11])


@pytest.fixture
def external(model_path):
    """Moves the weight into another file: (location, extra entries) -> path of the model."""

    def move(location, **entries):
        model = onnx.load(model_path)
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=str(value))
        model_path.write_bytes(model.SerializeToString())
        return model_path

    return move


WEIGHT_BYTES = np.arange(15, dtype=np.float32).tobytes()


def test_digest_is_that_of_the_file(model_path):
    assert load_proto(model_path)[1] == hashlib.sha256(model_path.read_bytes()).hexdigest()


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(teachers.TeacherError, match="is not a file; give the path"):
            teachers.load_onnx(path)


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 99, b"\x00" * 64, b"PK\x03\x04", b"\x08\x07"]
)
def test_files_that_are_not_onnx(content, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(teachers.TeacherError, match="not an ONNX file, or is damaged") as failure:
        teachers.load_onnx(path)
    assert "\n" not in str(failure.value)


def test_every_truncation_is_refused(model_path):
    content = model_path.read_bytes()
    for length in range(0, len(content), 7):
        model_path.write_bytes(content[:length])
        with pytest.raises(teachers.TeacherError):
            teachers.load_onnx(model_path)


def test_flipped_bits_are_refused_or_still_load(model_path):
    content = model_path.read_bytes()
    source = random.Random(11)
    for _ in range(60):
        damaged = bytearray(content)
        position = source.randrange(len(damaged))
        damaged[position] ^= 1 << source.randrange(8)
        model_path.write_bytes(damaged)
        try:
            teachers.load_onnx(model_path)
        except teachers.TeacherError as error:
            assert "\n" not in str(error)  # noqa: PT017 - loading may also succeed


def test_size_limit_comes_before_reading(model_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "MAXIMUM_BYTES", 10)
    with pytest.raises(teachers.TeacherError, match="bytes, the limit of the ONNX format"):
        load_proto(model_path)


@pytest.mark.parametrize("folder", ["", "weights"])
def test_external_data_beside_the_model(folder, external, tmp_path, images):
    (tmp_path / folder).mkdir(exist_ok=True)
    data_file = tmp_path / folder / "model.data"
    data_file.write_bytes(b"1234" + WEIGHT_BYTES)
    location = f"{folder}/model.data" if folder else "model.data"
    path = external(location, offset=4, length=len(WEIGHT_BYTES))
    teacher = teachers.load_onnx(path)
    wanted = images.mean(axis=(1, 2)) @ np.arange(15).reshape(5, 3).T
    np.testing.assert_allclose(teacher.classifier(images), wanted, rtol=1e-5)
    both = path.read_bytes() + data_file.read_bytes()
    assert teacher.sha256 == hashlib.sha256(both).hexdigest()
    assert teacher.verify(images).largest < 1e-5


@pytest.mark.parametrize(
    "location",
    ["../secret.data", "/etc/hostname", "a/../../secret.data", "C:\\secret.data", "..\\secret", ""],
)
def test_external_data_elsewhere_is_refused(location, external):
    with pytest.raises(
        teachers.TeacherError, match="wanted a plain file in the model's own folder"
    ):
        teachers.load_onnx(external(location))


@pytest.mark.parametrize("link", ["file", "folder"])
def test_external_data_behind_a_link_is_refused(link, external, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}_outside"
    outside.mkdir()
    (outside / "model.data").write_bytes(WEIGHT_BYTES)
    if link == "file":
        (tmp_path / "model.data").symlink_to(outside / "model.data")
        path = external("model.data")
    else:
        (tmp_path / "linked").symlink_to(outside)
        path = external("linked/model.data")
    with pytest.raises(teachers.TeacherError, match="wanted a plain file"):
        teachers.load_onnx(path)


def test_missing_external_data_is_named(external):
    with pytest.raises(teachers.TeacherError, match=r"'model.data', which is missing; put that"):
        teachers.load_onnx(external("model.data"))


@pytest.mark.parametrize(
    "entries", [{"length": 10**9}, {"offset": 10**9}, {"length": -1}, {"offset": "none"}]
)
def test_external_data_beyond_its_file_is_refused(entries, external, tmp_path):
    (tmp_path / "model.data").write_bytes(WEIGHT_BYTES)
    with pytest.raises(teachers.TeacherError, match="damaged weight 'kernel'"):
        teachers.load_onnx(external("model.data", **entries))


def test_external_data_over_the_limit_is_refused(external, tmp_path, monkeypatch):
    (tmp_path / "model.data").write_bytes(WEIGHT_BYTES)
    path = external("model.data")
    monkeypatch.setattr(onnx_file, "MAXIMUM_BYTES", path.stat().st_size + 10)
    with pytest.raises(teachers.TeacherError, match="limit is 2 GiB"):
        load_proto(path)
