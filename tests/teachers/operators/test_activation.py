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


def test_clip_with_a_computed_bound_is_refused(write_classifier):
    path = write_classifier(
        [
            helper.make_node("ReduceMin", ["features"], ["low"], "lowest", keepdims=0),
            activation("Clip", "low"),
        ]
    )
    with pytest.raises(teachers.TeacherError, match="ReduceMin at lowest"):
        teachers.load_onnx(path)
