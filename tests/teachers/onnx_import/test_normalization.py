"""The written file takes images in [0, 1] and computes what the given one did of normalised ones."""

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

import teachers
from teachers.onnx_import.normalization import MEAN, with_normalization

MEANS, STDS = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)


@pytest.fixture
def path(write_onnx, generator):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
    ]
    kernel = generator.standard_normal((5, 3, 3, 3)).astype(np.float32)
    return write_onnx(nodes, {"kernel": kernel}, ["batch", 3, 7, 11])


def test_the_written_file_needs_no_mean_and_std(path, run_onnx, images, tmp_path):
    written = tmp_path / "written.onnx"
    written.write_bytes(teachers.normalized_onnx(path, MEANS, STDS))
    onnx.checker.check_model(onnx.load(written), full_check=True)
    wanted = run_onnx(path, ((images - np.array(MEANS)) / np.array(STDS)).astype(np.float32))
    np.testing.assert_allclose(run_onnx(written, images), wanted, rtol=1e-5, atol=1e-5)
    outside, inside = teachers.load_onnx(path, MEANS, STDS), teachers.load_onnx(written)
    np.testing.assert_allclose(
        inside.signals(images).maps, outside.signals(images).maps, rtol=1e-5, atol=1e-6
    )
    assert inside.verify(images).largest < 1e-5


def test_without_mean_and_std_the_file_stays_byte_for_byte(path):
    assert teachers.normalized_onnx(path, None, None) == path.read_bytes()


@pytest.mark.parametrize(("mean", "std"), [(MEANS, None), (None, STDS)])
def test_one_of_mean_and_std_is_not_enough(mean, std, path):
    with pytest.raises(teachers.TeacherError, match="give both or neither"):
        teachers.normalized_onnx(path, mean, std)


def test_names_of_the_file_are_not_taken_again(path, images, tmp_path):
    once = tmp_path / "once.onnx"
    once.write_bytes(teachers.normalized_onnx(path, MEANS, STDS))
    twice = with_normalization(onnx.load(once), "images", (0, 0, 0), (1, 1, 1), axis=1)
    names = [tensor.name for tensor in twice.graph.initializer]
    assert len(set(names)) == len(names)
    assert f"{MEAN}_" in names
    onnx.checker.check_model(twice)
    again = tmp_path / "again.onnx"
    again.write_bytes(twice.SerializeToString())
    np.testing.assert_allclose(
        teachers.load_onnx(again).classifier(images),
        teachers.load_onnx(once).classifier(images),
        rtol=1e-6,
    )


def test_channels_last_when_asked(generator):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["output"])],
        "graph",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [2, 7, 11, 3])],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [2, 7, 11, 3])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    normalized = with_normalization(proto, "images", MEANS, STDS, axis=3)
    pixels = generator.random((2, 7, 11, 3), dtype=np.float32)
    (found,) = ReferenceEvaluator(normalized).run(None, {"images": pixels})
    wanted = (pixels - np.array(MEANS)) / np.array(STDS)
    # float32: where pixel and mean are near one another their difference has few digits.
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
