import numpy as np
import pytest
from onnx import helper

import teachers


def node(operator, *inputs, **attributes):
    return helper.make_node(operator, ["features", *inputs], ["result"], "node", **attributes)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenation(axis, write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Sigmoid", ["features"], ["other"], "other"),
        node("Concat", "other", "features", axis=axis),
    ]
    assert_agrees(write_classifier(nodes))


def test_concatenation_of_tensors_held_in_different_orders(write_classifier, assert_agrees):
    nodes = [
        helper.make_node("Flatten", ["features"], ["flat"], "flat"),
        helper.make_node("Reshape", ["flat", "sizes"], ["other"], "unflat"),
        node("Concat", "other", axis=1),
    ]
    assert_agrees(write_classifier(nodes, {"sizes": np.int64([0, 5, 7, 11])}))


def test_concatenation_with_a_constant_of_a_fixed_batch(write_classifier, assert_agrees, generator):
    constant = generator.standard_normal((1, 2, 7, 11), np.float32).repeat(3, axis=0)
    path = write_classifier([node("Concat", "stored", axis=1)], {"stored": constant}, batch=3)
    assert_agrees(path)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([0, 0], [2**63 - 1] * 2, [2, 3], [2, 2]),  # a shortcut of option A
        ([1], [4], [1], None),
        ([-3], [-1], [-1], [1]),
        ([0, 1, 0, 2], [2**63 - 1, 4, 7, 9], None, None),
        ([10], [-(2**31)], [3], [-3]),
        ([0], [2**31], [0], [1]),
    ],
)
def test_slice(starts, ends, axes, steps, write_classifier, assert_agrees):
    given = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    stored = {key: np.int64(value) for key, value in given.items() if value is not None}
    names = [key if key in stored else "" for key in given]
    assert_agrees(write_classifier([node("Slice", *names)], stored))
    if steps is None or set(steps) == {1}:
        options = {key: value for key, value in given.items() if value is not None}
        options.pop("steps", None)
        assert_agrees(write_classifier([node("Slice", **options)], opset=9))


@pytest.mark.parametrize(
    "pads",
    [
        [0, 0, 1, 2, 0, 0, 3, 4],  # pixels
        [0, 2, 0, 0, 0, 3, 0, 0],  # channels, as a shortcut of option A
        [0, 1, 1, 0, 0, 0, 2, 1],
        [0] * 8,
    ],
)
@pytest.mark.parametrize("value", [None, 1.5])
def test_pad(pads, value, write_classifier, assert_agrees):
    stored = {"pads": np.int64(pads)} | ({} if value is None else {"value": np.float32(value)})
    assert_agrees(write_classifier([node("Pad", *stored)], stored))
    options = {} if value is None else {"value": value}
    assert_agrees(write_classifier([node("Pad", pads=pads, **options)], opset=9))


def test_pad_of_named_axes(write_classifier, assert_agrees):
    stored = {"pads": np.int64([1, 2, 3, 4]), "axes": np.int64([3, 1])}
    assert_agrees(write_classifier([node("Pad", "pads", "", "axes")], stored, opset=18))


def test_pad_by_reflection(write_classifier, assert_agrees):
    stored = {"pads": np.int64([0, 0, 1, 2, 0, 0, 3, 4])}
    assert_agrees(write_classifier([node("Pad", "pads", mode="reflect")], stored))


def test_a_shortcut_of_option_a(write_classifier, assert_agrees, generator):
    nodes = [
        helper.make_node(
            *("Conv", ["features", "kernel"], ["main"], "main"), strides=[2, 2], pads=[1] * 4
        ),
        helper.make_node("Slice", ["features", "zeros", "ends", "axes", "twos"], ["part"], "part"),
        helper.make_node("Pad", ["part", "pads"], ["padded"], "padded"),
        helper.make_node("Add", ["main", "padded"], ["result"], "add"),
    ]
    stored = {
        "kernel": generator.standard_normal((10, 5, 3, 3), np.float32),
        "zeros": np.int64([0, 0]),
        "ends": np.int64([2**63 - 1] * 2),
        "axes": np.int64([2, 3]),
        "twos": np.int64([2, 2]),
        "pads": np.int64([0, 2, 0, 0, 0, 3, 0, 0]),
    }
    teacher = assert_agrees(write_classifier(nodes, stored))
    assert teacher.tap_names == ("stem", "main")


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (node("Concat", "features", axis=0), "axis 0 is the batch"),
        (node("Concat", "stored", axis=1), "a fixed batch"),
        (node("Concat", "pooled", axis=1), "input 1 has rank 2"),
        (node("Slice", "one", "two", "zero"), "axis 0 is the batch"),
        (node("Slice", "two", "one", "one"), "nothing is left of axis 1"),
        (node("Slice", "one", "two", "one", "zero"), "nothing is left of axis 1"),
        (node("Pad", "one"), "wanted two for each, 0 or more"),
        (node("Pad", "batch_pads"), "axis 0 is the batch"),
        (node("Pad", "negative"), "wanted two for each, 0 or more"),
        (node("Pad", "huge"), "wanted two for each, 0 or more"),
        (node("Pad", "good", mode="edge"), "mode 'edge'"),
    ],
)
def test_forms_that_do_not_fit_are_refused(last, reason, write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("ReduceMean", ["features"], ["pooled"], "p", axes=[2, 3], keepdims=0),
        last,
    ]
    weights = {
        "kernel": np.ones((5, 3, 1, 1), np.float32),
        "stored": np.ones((1, 2, 7, 11), np.float32),
        **{name: np.int64([number]) for number, name in enumerate(("zero", "one", "two"))},
        "good": np.int64([0, 0, 1, 0, 0, 0, 0, 0]),
        "batch_pads": np.int64([1, 0, 0, 0, 0, 0, 0, 0]),
        "negative": np.int64([0, 0, -1, 0, 0, 0, 0, 0]),
        "huge": np.int64([0, 0, 10**12, 0, 0, 0, 0, 0]),
    }
    path = write_onnx(nodes, weights, ["batch", 3, 7, 11], ["result"])
    with pytest.raises(teachers.TeacherError, match=f"node.*{reason}"):
        teachers.load_onnx(path)


@pytest.mark.parametrize(
    ("axis", "sizes", "pieces"),
    [(1, [1, 3, 1], 3), (3, [2, 4, 5], 3), (-2, [3, 4], 2), (1, None, 5), (3, None, 2)],
)
def test_split(axis, sizes, pieces, write_classifier, assert_agrees):
    outputs = [f"piece_{index}" for index in range(pieces)]
    options = {"num_outputs": pieces} if sizes is None else {}
    inputs = ["features"] if sizes is None else ["features", "sizes"]
    nodes = [
        helper.make_node("Split", inputs, outputs, "split", axis=axis, **options),
        helper.make_node("Concat", outputs[::-1], ["result"], "join", axis=axis),
    ]
    stored = {} if sizes is None else {"sizes": np.int64(sizes)}
    assert_agrees(write_classifier(nodes, stored, opset=18))
    if sizes is not None:
        old = helper.make_node("Split", ["features"], outputs, "split", axis=axis, split=sizes)
        assert_agrees(write_classifier([old, nodes[1]], opset=11))


@pytest.mark.parametrize(("axis", "reason"), [(0, "is the batch"), (1, "do not make up the 5")])
def test_split_that_cannot_be(axis, reason, write_onnx):
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
        helper.make_node("Split", ["features"], ["a", "b"], "split", axis=axis, split=[2, 2]),
        helper.make_node("Add", ["a", "b"], ["logits"], "add"),
    ]
    weights = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
    path = write_onnx(nodes, weights, [4, 3, 7, 11], opset=11)
    with pytest.raises(teachers.TeacherError, match=reason):
        teachers.load_onnx(path)
