import numpy as np
import pytest
from onnx import helper

import teachers


def activation(operator, *bounds, **attributes):
    return helper.make_node(operator, ["features", *bounds], ["result"], "act", **attributes)


@pytest.mark.parametrize(
    "node",
    [
        activation("Relu"),
        activation("LeakyRelu"),  # ONNX' default slope, 0.01
        activation("LeakyRelu", alpha=0.3),
        activation("Sigmoid"),
        activation("HardSwish"),
        activation("HardSigmoid"),  # ONNX' default slope, 0.2
        activation("HardSigmoid", alpha=1 / 6, beta=0.5),  # PyTorch's slope
    ],
    ids=lambda node: node.op_type,
)
def test_activation(node, write_classifier, assert_agrees):
    assert_agrees(write_classifier([node]))


@pytest.mark.parametrize(
    "bounds", [{}, {"min": 0.0, "max": 0.6}, {"min": -0.3}, {"max": 0.2}, {"min": -0.3, "max": 0.2}]
)
def test_clip_in_both_spellings(bounds, write_classifier, assert_agrees):
    assert_agrees(write_classifier([activation("Clip", **bounds)], opset=10))
    stored = {name: np.float32(bound) for name, bound in bounds.items()}
    names = [name if name in bounds else "" for name in ("min", "max")]
    while names and not names[-1]:
        names.pop()
    assert_agrees(write_classifier([activation("Clip", *names)], stored, opset=13))


@pytest.mark.parametrize("shape", [(), (1,), (5, 1, 1), (1, 5, 1, 1), (7, 1), (5, 7, 11)])
def test_parametric_relu(shape, write_classifier, assert_agrees, generator):
    slope = np.asarray(generator.standard_normal(shape, np.float32))
    assert_agrees(write_classifier([activation("PRelu", "slope")], {"slope": slope}))


def test_slopes_follow_the_axes_of_the_file(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node("Transpose", ["features"], ["turned"], "turn", perm=[0, 3, 2, 1]),
        helper.make_node("PRelu", ["turned", "slope"], ["result"], "act"),
    ]
    slope = generator.standard_normal((11, 1, 5), np.float32)
    assert_agrees(write_classifier(nodes, {"slope": slope}))


def test_silu_written_as_a_product(write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Sigmoid", ["features"], ["gate"], "gate"),
        helper.make_node("Mul", ["features", "gate"], ["result"], "silu"),
    ]
    assert_agrees(write_classifier(nodes))


def test_swish_of_the_newest_opset(write_classifier, assert_agrees):
    assert_agrees(write_classifier([activation("Swish")], opset=24))
    with pytest.raises(teachers.TeacherError, match=r"alpha 2\.0 is not supported, wanted 1"):
        teachers.load_onnx(write_classifier([activation("Swish", alpha=2.0)], opset=24))


def test_relu_six_is_kerass_own_layer(write_classifier, assert_agrees):
    teacher = assert_agrees(write_classifier([activation("Clip", min=0.0, max=0.6)], opset=10))
    assert type(teacher.model.get_layer("act")).__name__ == "ReLU"


@pytest.mark.parametrize("shape", [(4,), (3, 1, 1, 1), (1, 1, 1, 1, 1)])
def test_slopes_that_do_not_fit_are_refused(shape, write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("PRelu", ["features", "slope"], ["logits"], "act"),
    ]
    weights = {
        "kernel": np.ones((5, 3, 1, 1), np.float32),
        "slope": np.ones(shape, np.float32),
    }
    with pytest.raises(
        teachers.TeacherError, match=r"act \(PRelu\).*(does not fit|raise the rank)"
    ):
        teachers.load_onnx(write_onnx(nodes, weights, ["batch", 3, 7, 11]))


def test_clip_with_a_computed_bound_is_refused(write_classifier):
    path = write_classifier(
        [
            helper.make_node("ReduceL1", ["features"], ["low"], "lowest", keepdims=0),
            activation("Clip", "low"),
        ]
    )
    with pytest.raises(teachers.TeacherError, match="unsupported operators: ReduceL1 at lowest"):
        teachers.load_onnx(path)
