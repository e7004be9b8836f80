"""Padding that makes a sliding window's output ceil(size / stride): TensorFlow's and ONNX' SAME."""

import math


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Returns the pixels before and after one axis: as few as suffice, an odd one after.

    Args:
        size: pixels along the axis, 1 or more.
        kernel: taps of the window along it, 1 or more.
        stride: pixels between two positions, 1 or more.
        dilation: pixels between two taps, 1 or more.
    """
    output = math.ceil(size / stride)
    total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
