import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from onnx import helper

import teachers

IMAGE = (7, 11)


def pooling(operator, **attributes):
    return helper.make_node(operator, ["features"], ["result"], "pool", **attributes)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 3]},  # strides and padding left to their defaults
        {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 2, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 4], "strides": [2, 3], "pads": [1, 1, 0, 1], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 2], "strides": [2, 3], "auto_pad": "SAME_LOWER"},
    ],
)
def test_pooling(operator, attributes, write_classifier, assert_agrees):
    # The features have both signs, so that zero padding would win some maxima.
    assert_agrees(write_classifier([pooling(operator, **attributes)]))


@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_average_over_padding_too(ceil_mode, write_classifier, assert_agrees):
    node = pooling(
        "AveragePool",
        kernel_shape=[3, 2],
        strides=[2, 2],
        pads=[1, 0, 1, 1],
        count_include_pad=1,
        ceil_mode=ceil_mode,
    )
    assert_agrees(write_classifier([node]))


@hypothesis.settings(
    max_examples=20,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    operator=strategies.sampled_from(["MaxPool", "AveragePool"]),
    kernel=strategies.tuples(strategies.integers(2, 4), strategies.integers(2, 4)),
    strides=strategies.tuples(strategies.integers(1, 3), strategies.integers(1, 3)),
    pads=strategies.tuples(*[strategies.integers(0, 1)] * 4),
    ceil_mode=strategies.integers(0, 1),
)
def test_any_geometry(operator, kernel, strides, pads, ceil_mode, write_classifier, assert_agrees):
    for axis in range(2):
        # onnxruntime contradicts its own shape inference where a window starts in the end padding.
        reach = IMAGE[axis] + pads[axis]
        last = -(-(reach + pads[axis + 2] - kernel[axis]) // strides[axis]) * strides[axis]
        hypothesis.assume(not ceil_mode or last < reach)
    node = pooling(operator, kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=ceil_mode)
    assert_agrees(write_classifier([node]))


@pytest.mark.parametrize("opset", [9, 17])
def test_global_average(opset, write_classifier, assert_agrees):
    assert_agrees(write_classifier([pooling("GlobalAveragePool")], opset=opset))


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
@pytest.mark.parametrize("keepdims", [None, 0, 1])
def test_spatial_mean(axes, keepdims, write_classifier, assert_agrees):
    options = {} if keepdims is None else {"keepdims": keepdims}
    assert_agrees(write_classifier([pooling("ReduceMean", axes=axes, **options)], opset=13))
    node = helper.make_node("ReduceMean", ["features", "axes"], ["result"], "pool", **options)
    assert_agrees(write_classifier([node], {"axes": np.int64(axes)}, opset=18))


@pytest.mark.parametrize("axes", [[1], [-1], [1, 3], [3, 2, 1]])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
def test_reduction_of_other_axes(operator, axes, keepdims, write_classifier, assert_agrees):
    nodes = [helper.make_node(operator, ["features"], ["m"], axes=axes, keepdims=keepdims)]
    if not keepdims and len(axes) == 3:  # the head of these tests flattens, and wants two axes
        nodes.append(helper.make_node("Unsqueeze", ["m"], ["result"], "u", axes=[1]))
    else:
        nodes.append(helper.make_node("Identity", ["m"], ["result"], "i"))
    assert_agrees(write_classifier(nodes, opset=11))


def test_global_maximum(write_classifier, assert_agrees):
    assert_agrees(write_classifier([pooling("GlobalMaxPool")]))
    assert_agrees(write_classifier([pooling("ReduceMax", axes=[2, 3])]))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (pooling("ReduceMean", axes=[0, 2]), "axis 0 is the batch"),
        (pooling("ReduceMean"), "mean over all axes"),
        (pooling("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), "dilated"),
        (
            helper.make_node(
                "MaxPool", ["features"], ["result", "where"], "pool", kernel_shape=[2, 2]
            ),
            "indices",
        ),
    ],
)
def test_unsupported_forms_are_refused(node, reason, write_classifier):
    path = write_classifier([node], opset=13)
    with pytest.raises(teachers.TeacherError, match=f"pool.*{reason}"):
        teachers.load_onnx(path)
