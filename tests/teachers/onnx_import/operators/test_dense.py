import numpy as np
import pytest
from onnx import helper

import teachers

FLAT = [
    helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
    helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
]


def gemm(*inputs, **attributes):
    return helper.make_node("Gemm", inputs, ["result"], "dense", **attributes)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias_shape", [(), (1,), (2,), (1, 2)])
def test_general_product(transposed, bias_shape, write_classifier, assert_agrees, generator):
    weights = {
        "matrix": generator.standard_normal((2, 5) if transposed else (5, 2), np.float32),
        "bias": generator.standard_normal(bias_shape, np.float32).reshape(bias_shape),
    }
    node = gemm("flat", "matrix", "bias", transB=transposed, alpha=0.3, beta=1.7)
    assert_agrees(write_classifier([*FLAT, node], weights))


def test_general_product_without_bias_and_attributes(write_classifier, assert_agrees, generator):
    weights = {"matrix": generator.standard_normal((5, 2), np.float32)}
    assert_agrees(write_classifier([*FLAT, gemm("flat", "matrix")], weights))


def test_matrix_product_and_a_bias_added_after_it(write_classifier, assert_agrees, generator):
    weights = {
        "matrix": generator.standard_normal((5, 2), np.float32),
        "bias": generator.standard_normal(2, np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["flat", "matrix"], ["product"], "multiply"),
        helper.make_node("Add", ["bias", "product"], ["result"], "add"),
    ]
    assert_agrees(write_classifier([*FLAT, *nodes], weights))


def test_matrix_product_over_the_last_of_four_axes(write_classifier, assert_agrees, generator):
    # As PyTorch writes a linear layer on channels that were moved to the end.
    weights = {"matrix": generator.standard_normal((5, 2), np.float32)}
    nodes = [
        helper.make_node("Transpose", ["features"], ["last"], "move", perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["last", "matrix"], ["product"], "multiply"),
        helper.make_node("ReduceMean", ["product"], ["result"], "mean", axes=[1, 2], keepdims=0),
    ]
    assert_agrees(write_classifier(nodes, weights))


def test_matrix_product_over_the_width_of_images(write_classifier, assert_agrees, generator):
    # The same without the move: ONNX' last axis is then the width, not the channels.
    weights = {"matrix": generator.standard_normal((11, 2), np.float32)}
    nodes = [
        helper.make_node("MatMul", ["features", "matrix"], ["product"], "multiply"),
        helper.make_node("ReduceMean", ["product"], ["result"], "mean", axes=[1, 2], keepdims=0),
    ]
    assert_agrees(write_classifier(nodes, weights))


@pytest.mark.parametrize(
    ("node", "matrix_shape", "reason"),
    [
        (gemm("flat", "matrix", transA=1), (5, 2), "mixes the images"),
        (gemm("flat", "matrix"), (7, 2), "does not fit"),
        (gemm("flat", "matrix", "rows"), (5, 2), "differs between images"),
        (gemm("flat", "flat"), (5, 2), "input 1 is computed"),
        (gemm("matrix", "matrix"), (5, 5), "not computed from the images"),
        (
            gemm("features", "matrix"),
            (11, 2),
            "rank 4",
        ),
    ],
)
def test_products_that_do_not_fit_are_refused(node, matrix_shape, reason, write_onnx):
    stem = helper.make_node("Conv", ["images", "kernel"], ["features"], "stem")
    weights = {
        "kernel": np.ones((5, 3, 1, 1), np.float32),
        "matrix": np.ones(matrix_shape, np.float32),
        "rows": np.ones((3, 2), np.float32),
    }
    path = write_onnx([stem, *FLAT, node], weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=f"dense.*{reason}"):
        teachers.load_onnx(path)
