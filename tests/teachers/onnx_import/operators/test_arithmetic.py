import numpy as np
import pytest
from onnx import helper

import teachers

OPERATORS = ["Add", "Sub", "Mul", "Div"]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("constant_first", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (5, 1, 1), (1, 5, 1, 1), (1, 5, 7, 11), (7, 1), (11,)])
def test_with_a_constant(
    operator, constant_first, shape, write_classifier, assert_agrees, generator
):
    # The sigmoid keeps divisors away from zero, where float32 has few correct digits.
    bounded = helper.make_node("Sigmoid", ["features"], ["bounded"], "bounded")
    inputs = ["constant", "bounded"] if constant_first else ["bounded", "constant"]
    constant = generator.uniform(0.5, 2, shape).astype(np.float32)
    combine = helper.make_node(operator, inputs, ["result"], "combine")
    assert_agrees(write_classifier([bounded, combine], {"constant": constant}))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("pooled", [False, True])
def test_of_two_tensors(operator, pooled, write_classifier, assert_agrees):
    nodes = [helper.make_node("Sigmoid", ["features"], ["other"], "other")]
    if pooled:  # broadcast over pixels, as squeeze-and-excitation does
        nodes = [
            helper.make_node("Sigmoid", ["features"], ["bounded"], "bounded"),
            helper.make_node("GlobalAveragePool", ["bounded"], ["other"], "other"),
        ]
    path = write_classifier(
        [
            *nodes,
            helper.make_node(operator, ["features", "other"], ["result"], "combine"),
        ]
    )
    assert_agrees(path)


def test_in_graph_normalisation_of_the_input(write_onnx, assert_agrees, generator):
    nodes = [
        helper.make_node("Sub", ["images", "mean"], ["centred"], "subtract"),
        helper.make_node("Div", ["centred", "deviation"], ["scaled"], "divide"),
        helper.make_node("Conv", ["scaled", "kernel"], ["features"], "stem"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
    ]
    weights = {
        "mean": np.float32([0.1, 0.4, 0.7]).reshape(3, 1, 1),
        "deviation": np.float32([0.2, 0.3, 0.5]).reshape(1, 3, 1, 1),
        "kernel": generator.standard_normal((4, 3, 3, 3), np.float32),
    }
    assert_agrees(write_onnx(nodes, weights, ["batch", 3, 7, 11]))


@pytest.mark.parametrize(
    ("constant_shape", "reason"), [((1, 1, 5, 1, 1), "raise the rank"), ((3,), "does not fit")]
)
def test_constants_that_do_not_broadcast_are_refused(constant_shape, reason, write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("Add", ["features", "constant"], ["logits"], "combine"),
    ]
    weights = {
        "kernel": np.ones((5, 3, 1, 1), np.float32),
        "constant": np.ones(constant_shape, np.float32),
    }
    with pytest.raises(teachers.TeacherError, match=f"combine.*{reason}"):
        teachers.load_onnx(write_onnx(nodes, weights, ["batch", 3, 7, 11]))


def test_tensors_of_unequal_rank_are_refused(write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("Flatten", ["features"], ["flat"], "flatten"),
        helper.make_node("Add", ["features", "flat"], ["logits"], "combine"),
    ]
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    with pytest.raises(teachers.TeacherError, match=r"combine.*ranks 4 and 2"):
        teachers.load_onnx(write_onnx(nodes, weights, ["batch", 3, 7, 11]))


@pytest.mark.parametrize("operator", OPERATORS)
def test_of_two_tensors_held_in_different_orders(operator, write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Sigmoid", ["features"], ["bounded"], "bounded"),
        helper.make_node("Flatten", ["bounded"], ["flat"], "flat"),
        helper.make_node("Reshape", ["flat", "sizes"], ["other"], "unflat"),
        helper.make_node(operator, ["features", "other"], ["result"], "combine"),
    ]
    assert_agrees(write_classifier(nodes, {"sizes": np.int64([0, 5, 7, 11])}))


@pytest.mark.parametrize("inputs", [["a"], ["a", "b"], ["a", "k", "b"], ["k", "a", "b", "a", "k"]])
def test_sum_of_any_number(inputs, write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("Sigmoid", ["features"], ["a"], "a"),
        helper.make_node("GlobalAveragePool", ["features"], ["b"], "b"),
        helper.make_node("Sum", inputs, ["result"], "sum"),
    ]
    assert_agrees(write_classifier(nodes, {"k": generator.standard_normal((5, 1, 1), np.float32)}))


@pytest.mark.parametrize("same", [True, False])
def test_a_constant_for_each_image_of_a_fixed_batch(
    same, write_classifier, assert_agrees, generator
):
    row = generator.standard_normal((1, 5, 7, 1), np.float32)
    constant = np.concatenate([row, row, row if same else 2 * row])
    node = helper.make_node("Add", ["features", "constant"], ["result"], "combine")
    path = write_classifier([node], {"constant": constant}, batch=3)
    if same:
        assert_agrees(path)
    else:
        with pytest.raises(teachers.TeacherError, match=r"\(3, 7, 1, 5\) differs between images"):
            teachers.load_onnx(path)
