"""Collects the nodes and weights of an ONNX graph, channels first, while a Keras model is walked.

A layer that only pads, or only permutes before a Flatten, writes nothing itself. The layer that reads
it does, so that convolutions and pools pad by their own attribute as in PyTorch's exports.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

LOWEST = float(np.finfo(np.float32).min)
"""The number that `LowestPadding` pads with."""

Shape = tuple[int | None, ...]
"""Of a Keras tensor: None for the batch."""


class UnsupportedLayerError(Exception):
    """A layer cannot be written, or not in this form; the message says why."""


@dataclass(frozen=True)
class Padding:
    """Pixels that are still to be added to a tensor.

    Attributes:
        sides: ((top, bottom), (left, right)) pixels.
        value: 0 or `LOWEST`.
        name: what to call the node if the padding becomes one.
    """

    sides: tuple[tuple[int, int], tuple[int, int]]
    value: float
    name: str


@dataclass(frozen=True)
class Features:
    """What a layer reads or writes.

    Attributes:
        tensor: name of the ONNX tensor, [N, C, H, W] or [N, K], without the padding.
        shape: Keras' shape, padding included: (None, height, width, channels) or (None, K).
        padding: what is still to be added, or None.
        is_permuted: whether Keras' axes are (None, C, H, W) already, so that `shape` is ONNX' too.
    """

    tensor: str
    shape: Shape
    padding: Padding | None = None
    is_permuted: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes in `shape` without the batch, all of them fixed."""
        return tuple(size for size in self.shape if size is not None)


@dataclass
class OnnxWriter:
    """Nodes and weights so far, in an order in which every tensor is written before it is read."""

    nodes: list[NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)

    def weight(self, name: str, array: npt.ArrayLike) -> str:
        """Adds a weight, float32 unless it holds integers; returns its name."""
        array = np.asarray(array)
        if not np.issubdtype(array.dtype, np.integer):
            array = array.astype(np.float32)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Adds a node of one output; returns the output's name."""
        output = f"{name}.output"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def whole(self, features: Features) -> str:
        """Returns a tensor that holds `features` with its padding, which becomes a node.

        Raises:
            UnsupportedLayerError: the axes are permuted, which only a Flatten may read.
        """
        if features.is_permuted:
            raise UnsupportedLayerError("it reads a Permute, which only a Flatten may")
        padding = features.padding
        if padding is None:
            return features.tensor
        if not any(node.name == padding.name for node in self.nodes):  # two layers may read it
            (top, bottom), (left, right) = padding.sides
            amounts = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            operands = [
                features.tensor,
                self.weight(f"{padding.name}.amounts", amounts),
                self.weight(f"{padding.name}.value", np.float32(padding.value)),
            ]
            self.node("Pad", operands, padding.name)
        return f"{padding.name}.output"


def channels_first(constant: npt.ArrayLike, rank: int) -> np.ndarray:
    """Returns a constant that Keras broadcasts against a tensor of `rank`, in ONNX' axis order.

    Raises:
        UnsupportedLayerError: the constant has more axes than the tensor.
    """
    constant = np.asarray(constant)
    if constant.ndim > rank:
        raise UnsupportedLayerError(f"its constant of shape {constant.shape} raises the rank")
    constant = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    return constant.transpose(0, 3, 1, 2) if rank == 4 else constant
