import keras
import numpy as np
import pytest
from onnx import helper

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


@pytest.mark.parametrize(
    "target", [[7, -1], [-1, 77], [-1], [0, -1, 13], [0, -1, -1], [0, 5, 0, 0, 0], [0, -5, -77], []]
)
def test_other_reshapes_are_refused(target, write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32), "target": np.int64(target)}
    path = write_onnx([stem, node("Reshape", "target")], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(
        teachers.TeacherError, match=r"shape \(Reshape\).*of \(None, 5, 7, 11\).*385 num"
    ):
        teachers.load_onnx(path)


def test_flatten_over_the_batch_is_refused(write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    path = write_onnx([stem, node("Flatten", axis=2)], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match="axis 2 would mix"):
        teachers.load_onnx(path)


@pytest.mark.parametrize("target", [[-1, 5, 77], [0, 7, -1], [0, 0, 7, 11], [0, 11, 7, 5]])
def test_reshape_to_several_axes(target, write_classifier, assert_agrees):
    assert_agrees(write_classifier([node("Reshape", "target")], {"target": np.int64(target)}))


def test_zero_is_a_size_where_the_file_says_so(write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32), "target": np.int64([0, SIZE])}
    last = node("Reshape", "target", allowzero=1)
    path = write_onnx([stem, last], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=r"shape \(Reshape\)"):
        teachers.load_onnx(path)


def shape_chain(last):
    """Nodes of `x.view(x.size(0), -1)` as PyTorch writes them for a free batch."""
    return [
        helper.make_node("Shape", ["features"], ["sizes"], "sizes"),
        helper.make_node("Gather", ["sizes", "zero"], ["batch"], "gather", axis=0),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["row"], "row"),
        helper.make_node("Concat", ["row", "rest"], ["target"], "join", axis=0),
        last,
    ]


@pytest.mark.parametrize("batch", ["batch", 3])
@pytest.mark.parametrize("rest", [[-1], [5, 77], [SIZE]])
def test_a_shape_with_the_batch_in_it(batch, rest, write_classifier, assert_agrees):
    weights = {"zero": np.int64(0), "axes": np.int64([0]), "rest": np.int64(rest)}
    nodes = shape_chain(node("Reshape", "target"))
    assert_agrees(write_classifier(nodes, weights, batch=batch))


@pytest.mark.parametrize("rest", [[7], [5, -1, 13], [-1, -1]])
def test_a_shape_with_the_batch_in_it_that_does_not_fit(rest, write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"zero": np.int64(0), "axes": np.int64([0]), "rest": np.int64(rest)}
    weights["kernel"] = np.ones((5, 3, 1, 1), np.float32)
    nodes = [stem, *shape_chain(node("Reshape", "target"))]
    path = write_onnx(nodes, weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=r"shape \(Reshape\).*0\+1N"):
        teachers.load_onnx(path)


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ({}, (1, 4)),
        ({"start": 1}, (0, 3)),
        ({"start": -3, "end": -1}, (0, 2)),
        ({"end": 2}, (1, 2)),
    ],
)
def test_sizes_of_features_as_factors(options, known, write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Shape", ["features"], ["sizes"], "sizes", **options),
        helper.make_node("Slice", ["sizes", "from", "to"], ["known"], "known"),
        helper.make_node("Cast", ["known"], ["numbers"], "cast", to=1),
        helper.make_node("ReduceProd", ["numbers"], ["total"], "total", keepdims=0),
        node("Mul", "total"),
    ]
    start, stop = known  # without the batch, by which pixels cannot be multiplied
    weights = {"from": np.int64([start]), "to": np.int64([stop])}
    assert_agrees(write_classifier(nodes, weights))


@pytest.mark.parametrize("permutation", [[0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [0, 3, 2, 1]])
def test_transpose(permutation, write_classifier, assert_agrees):
    assert_agrees(write_classifier([node("Transpose", perm=permutation)]))


def test_transposes_that_undo_each_other_cost_nothing(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("Transpose", ["features"], ["last"], "there", perm=[0, 2, 3, 1]),
        helper.make_node("Relu", ["last"], ["active"], "relu"),
        helper.make_node("Transpose", ["active"], ["first"], "back", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["wide"], "conv"),
        helper.make_node("GlobalAveragePool", ["wide"], ["result"], "pool"),
    ]
    kernel = generator.standard_normal((2, 5, 1, 1), np.float32)
    teacher = assert_agrees(write_classifier(nodes, {"kernel": kernel}))
    assert not any(isinstance(layer, keras.layers.Permute) for layer in teacher.model.layers)


def test_a_convolution_of_turned_images(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("Transpose", ["features"], ["turned"], "turn", perm=[0, 2, 1, 3]),
        helper.make_node("Conv", ["turned", "kernel"], ["result"], "conv"),
    ]
    kernel = generator.standard_normal((2, 7, 3, 2), np.float32)
    assert_agrees(write_classifier(nodes, {"kernel": kernel}))


@pytest.mark.parametrize("axes", [None, [3], [-1, 2]])
@pytest.mark.parametrize("opset", [11, 17])
def test_squeeze(axes, opset, write_classifier, assert_agrees):
    pool = helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool")
    given = [] if axes is None or opset == 11 else ["axes"]
    options = {"axes": axes} if axes and opset == 11 else {}
    last = helper.make_node("Squeeze", ["pooled", *given], ["result"], "squeeze", **options)
    assert_agrees(write_classifier([pool, last], {"axes": np.int64(axes or [2])}, opset=opset))


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("axes", [[2, 3], [-1, 1], [2]])
def test_unsqueeze(axes, opset, write_classifier, assert_agrees):
    pool = helper.make_node("ReduceMean", ["features"], ["pooled"], "pool", axes=[2, 3], keepdims=0)
    given, options = (["axes"], {}) if opset == 17 else ([], {"axes": axes})
    last = helper.make_node("Unsqueeze", ["pooled", *given], ["result"], "new", **options)
    assert_agrees(write_classifier([pool, last], {"axes": np.int64(axes)}, opset=opset))


def test_gates_of_squeeze_and_excitation(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("ReduceMean", ["features"], ["p"], "pool", axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["p", "matrix"], ["g"], "dense"),
        helper.make_node("Sigmoid", ["g"], ["s"], "gate"),
        helper.make_node("Unsqueeze", ["s", "axes"], ["gate"], "new"),
        node("Mul", "gate"),
    ]
    matrix = generator.standard_normal((5, 5), np.float32)
    assert_agrees(write_classifier(nodes, {"matrix": matrix, "axes": np.int64([2, 3])}))


@pytest.mark.parametrize(
    ("last", "batch", "reason"),
    [
        (node("Transpose", perm=[0, 1, 2]), "n", "not an order of 4 axes"),
        (node("Transpose", perm=[0, 1, 1, 2]), "n", "not an order of 4 axes"),
        (node("Squeeze", "two"), "n", "not all of size 1"),
        (node("Squeeze", "zero"), 1, "axis 0 is the batch"),
        (node("Squeeze"), 1, "drop the batch too"),
        (node("Unsqueeze", "nine"), "n", "cannot be new ones"),
    ],
)
def test_axes_that_do_not_fit_are_refused(last, batch, reason, write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    weights |= {"two": np.int64([2]), "zero": np.int64([0]), "nine": np.int64([9])}
    path = write_onnx([stem, last], weights, [batch, 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=f"shape.*{reason}"):
        teachers.load_onnx(path)


def test_a_batch_that_is_not_first_is_refused(write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("Transpose", ["features"], ["turned"], "turn", perm=[1, 0, 2, 3]),
        helper.make_node("Conv", ["turned", "other"], ["result"], "conv"),
    ]
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    weights["other"] = np.ones((2, 3, 1, 1), np.float32)
    path = write_onnx(nodes, weights, [3, 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=r"conv \(Conv\).*the images of a batch along"):
        teachers.load_onnx(path)
