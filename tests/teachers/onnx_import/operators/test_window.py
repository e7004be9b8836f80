import pytest

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.registry import UnsupportedNodeError
from teachers.onnx_import.operators.window import read_window


def node(**attributes):
    return OnnxNode("MaxPool", "pool", "pool", ("in",), ("out",), attributes, opset=17, batch=None)


def test_defaults_of_onnx():
    window = read_window(node(), (7, 11), kernel_size=(3, 2))
    assert window.kernel_size == (3, 2)
    assert window.strides == window.dilations == (1, 1)
    assert window.padding == ((0, 0), (0, 0))
    assert window.overhang == (0, 0)


def test_pads_are_begins_then_ends():
    window = read_window(node(kernel_shape=[5, 7], pads=[1, 2, 3, 4]), (7, 11))
    assert window.padding == ((1, 3), (2, 4))


@pytest.mark.parametrize(
    ("auto_pad", "padding"),
    [
        # Height 7, kernel 4, stride 2: 4 positions reach (4 - 1) * 2 + 4 - 7 = 3 pixels further.
        # Width 11, kernel 2, stride 3: 4 positions reach (4 - 1) * 3 + 2 - 11 = 0 further.
        ("SAME_UPPER", ((1, 2), (0, 0))),
        ("SAME_LOWER", ((2, 1), (0, 0))),
        ("VALID", ((0, 0), (0, 0))),
    ],
)
def test_automatic_padding_becomes_explicit(auto_pad, padding):
    window = read_window(node(kernel_shape=[4, 2], strides=[2, 3], auto_pad=auto_pad), (7, 11))
    assert window.padding == padding


def test_rounding_up_adds_an_overhang_after_the_padding():
    # Height 8, kernel 3, stride 2: 3 whole positions use 7 pixels; the fourth needs one more.
    window = read_window(node(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), (8, 7))
    assert window.overhang == (1, 0)
    assert window.padding_with_overhang == ((0, 1), (0, 0))


def test_no_window_starts_in_the_end_padding():
    # Height 5 and one pixel below, kernel 2, stride 5: a second window would see padding alone.
    attributes = {"kernel_shape": [2, 1], "strides": [5, 1], "pads": [0, 0, 1, 0], "ceil_mode": 1}
    window = read_window(node(**attributes), (5, 3))
    assert window.overhang == (0, 0)


@pytest.mark.parametrize(
    ("pads", "strides", "expected"),
    [
        ([1, 2, 1, 2], [1, 1], True),
        ([1, 2, 1, 2], [2, 1], False),
        ([1, 2, 1, 1], [1, 1], False),
        ([0, 2, 0, 2], [1, 1], False),
    ],
)
def test_same_padding_is_recognised(pads, strides, expected):
    attributes = {"kernel_shape": [3, 3], "dilations": [1, 2]}
    window = read_window(node(pads=pads, strides=strides, **attributes), (7, 11))
    assert window.is_same_at_stride_one is expected


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"kernel_shape": [3]}, "two-dimensional"),
        ({"kernel_shape": [3, 0]}, "positive"),
        ({"kernel_shape": [3, 3], "pads": [0, 0, -1, 0]}, "not negative"),
        ({"kernel_shape": [3, 3], "pads": [0, 0, 10**6, 0]}, "pixels large"),
        ({"kernel_shape": [3, 3], "auto_pad": "SAME"}, "'SAME'"),
    ],
)
def test_impossible_windows_are_refused(attributes, reason):
    with pytest.raises(UnsupportedNodeError, match=reason):
        read_window(node(**attributes), (7, 11))
