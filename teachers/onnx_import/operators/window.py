"""Geometry of a sliding window as ONNX states it: strides, dilations and explicit padding.

Every attribute may be missing and then has ONNX' default. `auto_pad` becomes explicit padding,
because TensorFlow's SAME differs from PyTorch's padding at stride 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from teachers.onnx_import.graph import MAXIMUM_SIDE, OnnxNode
from teachers.onnx_import.operators.registry import UnsupportedNodeError
from teachers.same_padding import same_padding

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A two-dimensional sliding window; every pair is (vertical, horizontal).

    Attributes:
        kernel_size: pixels per side, without dilation.
        strides: pixels between two positions.
        dilations: pixels between two taps of the kernel.
        padding: ((top, bottom), (left, right)) pixels that the file asks for.
        overhang: further pixels at the bottom and the right that `ceil_mode`, which rounds the
            output size up, needs beyond the padding.
    """

    kernel_size: Pair
    strides: Pair
    dilations: Pair
    padding: tuple[Pair, Pair]
    overhang: Pair

    @property
    def padding_with_overhang(self) -> tuple[Pair, Pair]:
        """((top, bottom), (left, right)) pixels by which to pad, `overhang` included."""
        (top, bottom), (left, right) = self.padding
        below, beside = self.overhang
        return (top, bottom + below), (left, right + beside)

    @property
    def is_same_at_stride_one(self) -> bool:
        """Whether TensorFlow's SAME padding is exactly this padding."""
        sides = zip(self.kernel_size, self.dilations, self.padding, strict=True)
        return self.strides == (1, 1) and all(
            2 * before == 2 * after == (size - 1) * dilation
            for size, dilation, (before, after) in sides
        )


def read_window(
    node: OnnxNode, image_size: Sequence[int], kernel_size: Sequence[int] | None = None
) -> Window:
    """Reads a node's window.

    Args:
        node: a convolution or pooling.
        image_size: (height, width) of its input.
        kernel_size: (height, width) of the kernel, if the node does not give it itself.

    Raises:
        UnsupportedNodeError: the window is not two-dimensional, is absurdly large, or has negative
            padding.
    """
    attributes = node.attributes
    kernel = _pair(attributes.get("kernel_shape", kernel_size or ()))
    strides = _pair(attributes.get("strides", (1, 1)))
    dilations = _pair(attributes.get("dilations", (1, 1)))
    pads = tuple(attributes.get("pads", (0, 0, 0, 0)))
    if len(pads) != 4:
        raise UnsupportedNodeError("its window is not two-dimensional")
    if min(kernel + strides + dilations) < 1 or min(pads) < 0:
        raise UnsupportedNodeError(
            f"kernel {kernel}, strides {strides} and dilations {dilations} must be positive "
            f"and padding {pads} not negative"
        )
    if max(kernel + strides + dilations + pads) > MAXIMUM_SIDE:
        raise UnsupportedNodeError(f"its window is over {MAXIMUM_SIDE} pixels large")
    padding = ((pads[0], pads[2]), (pads[1], pads[3]))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    vertical, horizontal = zip(image_size, kernel, strides, dilations, strict=True)
    if auto_pad == "VALID":
        padding = ((0, 0), (0, 0))
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        padding = (same_padding(*vertical), same_padding(*horizontal))
        if auto_pad == "SAME_LOWER":  # the odd pixel before, not after
            padding = (padding[0][::-1], padding[1][::-1])
    elif auto_pad != "NOTSET":
        raise UnsupportedNodeError(f"auto_pad={auto_pad!r} is not known")
    overhang = (0, 0)
    if attributes.get("ceil_mode", 0):
        overhang = (_overhang(*vertical, padding[0]), _overhang(*horizontal, padding[1]))
    return Window(kernel, strides, dilations, padding, overhang)


def _pair(numbers: Sequence[int]) -> Pair:
    if len(numbers) != 2:
        raise UnsupportedNodeError("its window is not two-dimensional")
    return numbers[0], numbers[1]


def _overhang(size: int, kernel: int, stride: int, dilation: int, padding: Pair) -> int:
    extent = (kernel - 1) * dilation + 1
    padded = size + sum(padding)
    output = math.ceil((padded - extent) / stride) + 1
    if (output - 1) * stride >= size + padding[0]:  # a window may not start in the end padding
        output -= 1
    return max((output - 1) * stride + extent - padded, 0)
