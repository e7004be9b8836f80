import logging

import numpy as np
import onnx
import pytest
from onnx import helper

import teachers

KERNEL = {"kernel": np.random.default_rng(2).standard_normal((5, 3, 1, 1)).astype(np.float32)}
HEAD = [
    helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
    helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
]
FLAT = helper.make_node("Flatten", ["pooled"], ["flat"], "flatten")
SHAPE = ["batch", 3, 7, 11]


def softmax(source, operator="Softmax", **attributes):
    return helper.make_node(operator, [source], ["probabilities"], "softmax", **attributes)


def after(operator, *inputs, **attributes):
    return helper.make_node(operator, ["probabilities", *inputs], ["out"], "after", **attributes)


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [9, 17])
@pytest.mark.parametrize(
    "last", [after("Flatten"), after("Identity"), after("Reshape", "target"), after("Squeeze")]
)
@pytest.mark.parametrize("flat", [True, False])
def test_it_is_left_out_with_one_warning(
    operator, opset, last, flat, write_onnx, run_onnx, images, caplog
):
    if not flat and last.op_type == "Identity":
        pytest.skip("gives no rows")
    nodes = [*HEAD, FLAT, softmax("flat" if flat else "pooled", operator, axis=1), last]
    if not flat:
        nodes.remove(FLAT)
    weights = KERNEL | {"target": np.int64([0, -1])}
    path = write_onnx(nodes, weights, SHAPE, ["out"], opset)
    with caplog.at_level(logging.WARNING):
        teacher = teachers.load_onnx(path)
    assert caplog.text.count("it is left out, so that logits come out") == 1
    wanted = run_onnx(path, images, "pooled")[:, :, 0, 0]
    np.testing.assert_allclose(teacher.classifier(images), wanted, atol=1e-6)
    verification = teacher.verify(images)
    assert set(verification.errors) == {"logits", "stem"}
    assert verification.largest < 1e-5


@pytest.mark.parametrize(
    ("source", "axis", "opset"), [("flat", 0, 17), ("pooled", 2, 17), ("pooled", -1, 13)]
)
def test_one_over_other_axes_is_refused(source, axis, opset, write_onnx):
    nodes = [*HEAD, FLAT, softmax(source, axis=axis), after("Flatten")]
    path = write_onnx(nodes, KERNEL, SHAPE, ["out"], opset)
    with pytest.raises(teachers.TeacherError, match=r"softmax \(Softmax\).*are not the classes"):
        teachers.load_onnx(path)


def test_the_default_axis_is_the_last(write_onnx):
    path = write_onnx([*HEAD, FLAT, softmax("flat")], KERNEL, SHAPE, ["probabilities"])
    assert teachers.load_onnx(path).num_classes == 5
    assert onnx.load(path).graph.node[-1].op_type == "Softmax"


def test_the_default_axis_before_opset_13_is_the_one_after_the_batch(write_onnx):
    nodes = [*HEAD, softmax("pooled"), after("Flatten")]
    path = write_onnx(nodes, KERNEL, SHAPE, ["out"], 12)
    assert teachers.load_onnx(path).num_classes == 5
