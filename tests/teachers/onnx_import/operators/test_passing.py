import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import teachers


def node(operator, *inputs, **attributes):
    return helper.make_node(operator, ["features", *inputs], ["result"], "shape", **attributes)


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


def test_cast_to_what_features_are(write_classifier, assert_agrees):
    assert_agrees(write_classifier([node("Cast", to=TensorProto.FLOAT)]))
    path = write_classifier([node("Cast", to=TensorProto.FLOAT16)])
    with pytest.raises(teachers.TeacherError, match="features become type 10, wanted float32"):
        teachers.load_onnx(path)


@pytest.mark.parametrize("inputs", [("features", "stored"), ("stored", "features")])
def test_cast_to_the_type_of_another(inputs, write_classifier, assert_agrees):
    nodes = [
        helper.make_node("CastLike", inputs, ["same"], "cast"),
        helper.make_node("Add", ["features", "same"], ["result"], "add"),
    ]
    assert_agrees(write_classifier(nodes, {"stored": np.float32([1.7])}))


def test_cast_to_whole_numbers_is_refused(write_classifier):
    nodes = [
        helper.make_node("CastLike", ["features", "whole"], ["same"], "cast"),
        helper.make_node("CastLike", ["same", "features"], ["result"], "back"),
    ]
    with pytest.raises(teachers.TeacherError, match=r"cast \(CastLike\).*features become int64"):
        teachers.load_onnx(write_classifier(nodes, {"whole": np.int64([1])}))


def zeros_like_the_batch(sizes, value=None):
    """Nodes that make a constant of [N, *sizes] for a free batch."""
    options = {} if value is None else {"value": numpy_helper.from_array(np.float32([value]))}
    return [
        helper.make_node("Shape", ["features"], ["all"], "all"),
        helper.make_node("Slice", ["all", "zero", "one"], ["batch"], "batch"),
        helper.make_node("Concat", ["batch", "sizes"], ["filled_shape"], "join", axis=0),
        helper.make_node("ConstantOfShape", ["filled_shape"], ["filled"], "fill", **options),
    ], {"zero": np.int64([0]), "one": np.int64([1]), "sizes": np.int64(sizes)}


@pytest.mark.parametrize("value", [None, 1.7])
def test_a_constant_for_any_batch(value, write_classifier, assert_agrees):
    nodes, weights = zeros_like_the_batch([2, 7, 11], value)
    last = helper.make_node("Concat", ["filled", "features"], ["result"], "concat", axis=1)
    assert_agrees(write_classifier([*nodes, last], weights))


def test_a_constant_expanded_to_any_batch(write_classifier, assert_agrees, generator):
    nodes, weights = zeros_like_the_batch([2, 7, 11])
    nodes[-1] = helper.make_node("Expand", ["row", "filled_shape"], ["filled"], "fill")
    weights["row"] = generator.standard_normal((2, 1, 1), np.float32)
    last = helper.make_node("Concat", ["filled", "features"], ["result"], "concat", axis=1)
    assert_agrees(write_classifier([*nodes, last], weights))


@pytest.mark.parametrize(("sizes", "reason"), [([10**6, 10**6], "too large"), ([0], "empty")])
def test_constants_of_absurd_size_are_refused(sizes, reason, write_onnx):
    nodes, weights = zeros_like_the_batch(sizes)
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights["kernel"] = np.ones((5, 3, 1, 1), np.float32)
    path = write_onnx([stem, *nodes], weights, ["batch", 3, 7, 11], ["filled"])
    with pytest.raises(teachers.TeacherError, match=f"fill.*{reason}"):
        teachers.load_onnx(path)
