import numpy as np
import pytest
from onnx import helper, numpy_helper

import teachers

SIZE = 5 * 7 * 11


def node(operator, *inputs, **attributes):
    return helper.make_node(operator, ["features", *inputs], ["result"], "shape", **attributes)


@pytest.mark.parametrize("attributes", [{}, {"axis": 1}, {"axis": -3}])
def test_flatten_keeps_the_order_of_the_file(attributes, write_classifier, assert_agrees):
    assert_agrees(write_classifier([node("Flatten", **attributes)]))


@pytest.mark.parametrize(
    ("target", "batch"),
    [([-1, SIZE], "batch"), ([0, -1], "batch"), ([0, SIZE], "batch"), ([3, -1], 3), ([3, SIZE], 3)],
)
def test_reshape_to_rows(target, batch, write_classifier, assert_agrees):
    assert_agrees(
        write_classifier([node("Reshape", "target")], {"target": np.int64(target)}, batch=batch)
    )


@pytest.mark.parametrize("target", [[-1, 5, 77], [7, -1], [-1, 77], [-1], [0, 5, 7, 11]])
def test_other_reshapes_are_refused(target, write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32), "target": np.int64(target)}
    path = write_onnx([stem, node("Reshape", "target")], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=r"shape \(Reshape\).*wanted \[N, 385\]"):
        teachers.load_onnx(path)


def test_flatten_over_the_batch_is_refused(write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    path = write_onnx([stem, node("Flatten", axis=2)], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match="axis 2 would mix"):
        teachers.load_onnx(path)


def test_identity_passes_tensors_and_weights(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("Identity", ["stored"], ["kernel"], "alias"),
        helper.make_node("Identity", ["features"], ["same"], "same"),
        helper.make_node("Conv", ["same", "kernel"], ["result"], "conv"),
    ]
    stored = generator.standard_normal((2, 5, 1, 1), np.float32)
    assert_agrees(write_classifier(nodes, {"stored": stored}))


@pytest.mark.parametrize("opset", [10, 17])
def test_dropout_does_nothing(opset, write_classifier, assert_agrees):
    if opset == 10:
        assert_agrees(write_classifier([node("Dropout", ratio=0.5)], opset=opset))
    else:
        weights = {"ratio": np.float32(0.5), "training": np.array(False)}
        assert_agrees(write_classifier([node("Dropout", "ratio", "training")], weights))


def test_dropout_in_training_mode_is_refused(write_classifier):
    weights = {"ratio": np.float32(0.5), "training": np.array(True)}
    path = write_classifier([node("Dropout", "ratio", "training")], weights)
    with pytest.raises(teachers.TeacherError, match=r"shape.*evaluation mode"):
        teachers.load_onnx(path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"value": numpy_helper.from_array(np.float32([[[2.0]], [[3]], [[5]], [[7]], [[11]]]))},
        {"value_float": 1.7},
        {"value_floats": [float(number) for number in range(11)]},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_constants_inside_nodes(attributes, write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Constant", [], ["factor"], "factor", **attributes),
        node("Mul", "factor"),
    ]
    assert_agrees(write_classifier(nodes))
