import numpy as np
import pytest
from onnx import helper

from teachers.errors import TeacherError
from teachers.normalization import PixelNormalization
from teachers.onnx_file import load_proto
from teachers.onnx_reference import OnnxReference

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
    reference = OnnxReference(path, load_proto(path)[1], NAMES, batch, normalization)
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
    reference = OnnxReference(path, load_proto(path)[1], NAMES, None, None)
    write_onnx(NODES, {"kernel": 2 * KERNEL}, ["batch", 3, 7, 11])
    with pytest.raises(TeacherError, match="has changed since it was loaded"):
        reference(images)
