"""Geometry of a sliding window as ONNX states it: strides, dilations and explicit padding.

Every attribute may be missing and then has ONNX' default. `auto_pad` is turned into explicit
padding, since TensorFlow's SAME differs from PyTorch's padding at stride 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from teachers.onnx_import.graph import MAXIMUM_SIDE, OnnxNode
from teachers.onnx_import.operators.registry import UnsupportedNodeError


@dataclass(frozen=True)
class Window:
    """A two-dimensional sliding window; every pair is (vertical, horizontal).

    Attributes:
        kernel_size: pixels per side, without dilation.
        strides: pixels between two positions.
        dilations: pixels between two taps of the kernel.
        padding: ((top, bottom), (left, right)) pixels that the file asks for.
        overhang: pixels after bottom and right that rounding the output size up (`ceil_mode`)
            needs beyond the padding.
    """

    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    overhang: tuple[int, int]

    @property
    def padding_with_overhang(self):
        """((top, bottom), (left, right)) pixels by which to pad, `overhang` included."""
        pairs = zip(self.padding, self.overhang, strict=True)
        return tuple((before, after + extra) for (before, after), extra in pairs)

    @property
    def is_same_at_stride_one(self):
        """Whether TensorFlow's SAME padding is exactly this padding."""
        sides = zip(self.kernel_size, self.dilations, self.padding, strict=True)
        return self.strides == (1, 1) and all(
            2 * before == 2 * after == (size - 1) * dilation
            for size, dilation, (before, after) in sides
        )


def read_window(
    node: OnnxNode, image_size: tuple[int, int], kernel_size: Sequence[int] | None = None
) -> Window:
    """Reads a node's window.

    Args:
        node: a convolution or pooling.
        image_size: (height, width) of its input.
        kernel_size: (height, width) of the kernel where the node itself does not give it.

    Raises:
        UnsupportedNodeError: the window is not two-dimensional, is absurdly large, or has negative
            padding.
    """
    attributes = node.attributes
    kernel_size = tuple(attributes.get("kernel_shape", kernel_size or ()))
    strides = tuple(attributes.get("strides", (1, 1)))
    dilations = tuple(attributes.get("dilations", (1, 1)))
    pads = tuple(attributes.get("pads", (0, 0, 0, 0)))
    if (len(kernel_size), len(strides), len(dilations), len(pads)) != (2, 2, 2, 4):
        raise UnsupportedNodeError("its window is not two-dimensional")
    if min(kernel_size + strides + dilations) < 1 or min(pads) < 0:
        raise UnsupportedNodeError(
            f"kernel {kernel_size}, strides {strides} and dilations {dilations} must be positive "
            f"and padding {pads} not negative"
        )
    if max(kernel_size + strides + dilations + pads) > MAXIMUM_SIDE:
        raise UnsupportedNodeError(f"its window is over {MAXIMUM_SIDE} pixels large")
    padding = ((pads[0], pads[2]), (pads[1], pads[3]))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    axes = tuple(zip(image_size, kernel_size, strides, dilations, strict=True))
    if auto_pad == "VALID":
        padding = ((0, 0), (0, 0))
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        padding = tuple(_same_padding(auto_pad, *axis) for axis in axes)
    elif auto_pad != "NOTSET":
        raise UnsupportedNodeError(f"auto_pad={auto_pad!r} is not known")
    overhang = (0, 0)
    if attributes.get("ceil_mode", 0):
        overhang = tuple(_overhang(*axis, pad) for axis, pad in zip(axes, padding, strict=True))
    return Window(kernel_size, strides, dilations, padding, overhang)


def _same_padding(auto_pad, size, kernel, stride, dilation):
    output = math.ceil(size / stride)
    total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    smaller, larger = total // 2, total - total // 2
    return (smaller, larger) if auto_pad == "SAME_UPPER" else (larger, smaller)


def _overhang(size, kernel, stride, dilation, padding):
    extent = (kernel - 1) * dilation + 1
    padded = size + sum(padding)
    output = math.ceil((padded - extent) / stride) + 1
    if (output - 1) * stride >= size + padding[0]:  # a window may not start in the end padding
        output -= 1
    return max((output - 1) * stride + extent - padded, 0)
