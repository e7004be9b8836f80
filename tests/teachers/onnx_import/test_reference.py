import logging

import numpy as np
import onnx
import pytest
from onnx import helper

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.errors import TeacherError
from teachers.onnx_import.graph import read_onnx
from teachers.onnx_import.reference import OnnxReference

NODES = [
    helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
    helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
    helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
]
KERNEL = np.random.default_rng(2).standard_normal((5, 3, 1, 1)).astype(np.float32)
NAMES = {"logits": "logits", "tap": "features"}


@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize("normalized", [False, True])
def test_logits_and_taps(batch, normalized, write_onnx, images):
    path = write_onnx(NODES, {"kernel": KERNEL}, [batch or "batch", 3, 7, 11])
    mean, std = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)
    normalization = PixelNormalization(mean, std) if normalized else None
    reference = OnnxReference(path, read_onnx(path), NAMES, normalization)
    outputs = reference(images)
    pixels = images.astype(np.float64)
    if normalized:
        pixels = (pixels - mean) / std
    wanted = pixels @ KERNEL[:, :, 0, 0].T
    assert list(outputs) == ["logits", "tap"]
    np.testing.assert_allclose(outputs["tap"], wanted, atol=1e-5)
    np.testing.assert_allclose(outputs["logits"], wanted.mean(axis=(1, 2)), atol=1e-5)


def test_a_file_that_changed_is_refused(write_onnx, images):
    path = write_onnx(NODES, {"kernel": KERNEL}, ["batch", 3, 7, 11])
    reference = OnnxReference(path, read_onnx(path), NAMES, None)
    write_onnx(NODES, {"kernel": 2 * KERNEL}, ["batch", 3, 7, 11])
    with pytest.raises(TeacherError, match="has changed since it was loaded"):
        reference(images)


def logits(path, images):
    return OnnxReference(path, read_onnx(path), {"logits": "logits"}, None)(images)["logits"]


def test_logits_of_either_layout(write_onnx, images):
    path = write_onnx(NODES, {"kernel": KERNEL}, ["batch", 3, 7, 11])
    wanted = images.astype(np.float64).mean(axis=(1, 2)) @ KERNEL[:, :, 0, 0].T
    np.testing.assert_allclose(logits(path, images), wanted, atol=1e-5)
    turn = helper.make_node("Transpose", ["images"], ["first"], "turn", perm=[0, 3, 1, 2])
    nodes = [turn, helper.make_node("Conv", ["first", "kernel"], ["features"]), *NODES[1:]]
    path = write_onnx(nodes, {"kernel": KERNEL}, ["batch", 7, 11, 3], name="last.onnx")
    np.testing.assert_allclose(logits(path, images), wanted, atol=1e-5)


def test_a_newer_file_version_is_read_as_an_older_one(write_onnx, images, caplog):
    path = write_onnx(NODES, {"kernel": KERNEL}, ["batch", 3, 7, 11])
    wanted = logits(path, images)
    model = onnx.load(path)
    model.ir_version = onnx.IR_VERSION  # newer than what this onnxruntime reads, or as new
    path.write_bytes(model.SerializeToString())
    with caplog.at_level(logging.INFO):
        np.testing.assert_array_equal(logits(path, images), wanted)
    assert caplog.text.count("onnxruntime reads it as version") <= 1


def test_what_no_output_needs_is_not_run(write_onnx, images):
    # onnxruntime has no such operator, and would refuse the file.
    dead = helper.make_node("Strange", ["features"], ["nowhere"], "dead", domain="com.example")
    path = write_onnx([*NODES, dead], {"kernel": KERNEL}, ["batch", 3, 7, 11])
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    path.write_bytes(model.SerializeToString())
    assert logits(path, images).shape == (3, 5)


def test_zeros_in_front_of_a_max_pool_are_zeros(write_onnx, images):
    """onnxruntime's own fusion of the two would take them for minus infinity."""
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("Pad", ["features", "pads"], ["padded"], "pad"),
        helper.make_node("MaxPool", ["padded"], ["pooled"], "max", kernel_shape=[2, 2]),
        helper.make_node("ReduceMean", ["pooled"], ["logits"], "mean", axes=[2, 3], keepdims=0),
    ]
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    kernel = -np.abs(KERNEL)  # every feature is negative: the padding wins at the border
    path = write_onnx(nodes, {"kernel": kernel, "pads": pads}, ["batch", 3, 7, 11])
    features = np.pad(
        images.astype(np.float64) @ kernel[:, :, 0, 0].T, ((0, 0), (1, 1), (1, 1), (0, 0))
    )
    corners = [features[:, r : r + 8, c : c + 12] for r in (0, 1) for c in (0, 1)]
    wanted = np.max(corners, axis=0).mean(axis=(1, 2))
    np.testing.assert_allclose(logits(path, images), wanted, atol=1e-5)
