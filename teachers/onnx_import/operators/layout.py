"""How an ONNX tensor is held in Keras: a tensor, and which of its axes holds which ONNX axis.

ONNX keeps channels before pixels, Keras after them. Instead of moving axes, every value carries the
order of its axes. So an ONNX Transpose costs nothing, and axes are moved only where an operator reads
the numbers in another order than they are held.
"""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from teachers.onnx_import.operators.refusal import UnsupportedNodeError

IMAGE_ORDER = (0, 3, 1, 2)
"""Order of the axes of a tensor that ONNX calls [N, C, H, W] and Keras holds as [N, H, W, C]."""


@dataclass(frozen=True)
class Features:
    """A tensor computed from the images.

    Attributes:
        tensor: float32, its first axis the batch.
        order: `order[i]` is the axis of `tensor` that holds ONNX axis i.
    """

    tensor: keras.KerasTensor
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes as ONNX orders them; None for the batch."""
        return tuple(self.tensor.shape[axis] for axis in self.order)

    def holding(self, tensor: keras.KerasTensor) -> "Features":
        """Returns features with another tensor whose axes have the same meaning."""
        return dataclasses.replace(self, tensor=tensor)

    def onnx_axis(self, axis: int) -> int:
        """Returns an ONNX axis, counted from either end, as counted from the front."""
        rank = len(self.order)
        if not -rank <= axis < rank:
            raise UnsupportedNodeError(f"axis {axis} does not exist in a tensor of rank {rank}")
        return axis % rank

    def keras_axis(self, axis: int) -> int:
        """Returns the axis of `tensor` for an ONNX axis other than the batch."""
        found = self.order[self.onnx_axis(axis)]
        if found == 0:
            raise UnsupportedNodeError(f"axis {axis} is the batch, whose images it would mix")
        return found


def image(tensor: keras.KerasTensor) -> Features:
    """Returns the features that a Keras layer for images gave, [N, H, W, C]."""
    return Features(tensor, IMAGE_ORDER)


def natural(tensor: keras.KerasTensor) -> Features:
    """Returns features that Keras holds in ONNX' own order."""
    return Features(tensor, tuple(range(len(tensor.shape))))


def arranged(features: Features, order: Sequence[int], name: str) -> keras.KerasTensor:
    """Returns the tensor with its axes in another order; moves numbers only if it must.

    Args:
        features: of as many axes as `order`.
        order: as `Features.order`.
        name: of the layer that moves the axes, if one is needed.

    Raises:
        UnsupportedNodeError: the batch would not be the first axis.
    """
    order, tensor = tuple(order), features.tensor
    if features.order == order:
        return tensor
    sources = [features.order[order.index(axis)] for axis in range(len(order))]
    if sources[0] != 0:
        raise UnsupportedNodeError("it needs the images of a batch along another axis")
    moved = [axis for axis in sources if tensor.shape[axis] != 1]
    if moved == sorted(moved):  # only axes of one element change places
        sizes = [tensor.shape[axis] for axis in sources[1:]]
        return keras.layers.Reshape(sizes, name=name)(tensor)
    return keras.layers.Permute(sources[1:], name=name)(tensor)


def row_major(features: Features, name: str) -> keras.KerasTensor:
    """Returns a tensor that holds the numbers of each image one after the other as ONNX does.

    Axes of one element may be anywhere, because they do not change the order of the numbers.
    """
    counted = [axis for axis in features.order if features.tensor.shape[axis] != 1]
    if counted == sorted(counted):
        return features.tensor
    return arranged(features, range(len(features.order)), name)


def laid_out(constant: np.ndarray, features: Features) -> np.ndarray:
    """Returns a constant in the axis order of features against which ONNX broadcasts it.

    Raises:
        UnsupportedNodeError: the constant has more axes.
    """
    rank = len(features.order)
    if constant.ndim > rank:
        raise UnsupportedNodeError(
            f"a constant of shape {constant.shape} would raise the rank of a tensor of rank {rank}"
        )
    # Leading ones first: ONNX broadcasts from the right in its own axis order.
    constant = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    return constant.transpose(np.argsort(features.order))


def without_axes(order: Sequence[int], removed: Collection[int]) -> tuple[int, ...]:
    """Returns the order without some axes, which are counted as Keras counts them."""
    kept = sorted(set(order).difference(removed))
    return tuple(kept.index(axis) for axis in order if axis in kept)
