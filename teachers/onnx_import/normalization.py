"""Puts the normalisation that an ONNX file expects from its caller into the file.

Any tool can then run and attack it on images in [0, 1], without knowing the constants.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import onnx

from teachers.errors import TeacherError
from teachers.onnx_import.file import load_proto, self_contained_onnx
from teachers.onnx_import.graph import read_onnx

MEAN, STD = "pixel_mean", "pixel_std"
"""Names of the added weights; the added tensors are called so with `_subtracted` and `_divided`."""

_STEPS = ((MEAN, "subtracted"), (STD, "divided"))

OLDEST_IR = 4
"""Since this version a weight need not be listed among the graph's inputs."""


def normalized_onnx(
    path: str | Path, mean: Sequence[float] | None, std: Sequence[float] | None
) -> bytes:
    """Returns a model as the bytes of one file that takes images in [0, 1].

    Without `mean` and `std` the file normalises itself and is returned unchanged.

    Raises:
        TeacherError: the file cannot be read, or mean and std are not both given.
    """
    if mean is None and std is None:
        return self_contained_onnx(path)
    if mean is None or std is None:
        raise TeacherError(f"got mean {mean} and std {std} for {path}; give both or neither.")
    graph = read_onnx(path)
    proto, _ = load_proto(path)
    axis = 3 if graph.channels_last else 1
    return with_normalization(proto, graph.input_name, mean, std, axis).SerializeToString()


def with_normalization(
    proto: onnx.ModelProto, input_name: str, mean: Sequence[float], std: Sequence[float], axis: int
) -> onnx.ModelProto:
    """Returns a copy of a model whose first nodes compute (images - mean) / std.

    Args:
        proto: a model with its weights inside.
        input_name: of the images.
        mean: one number per channel, in pixel units of [0, 1].
        std: likewise, positive.
        axis: of the channels in the input, 1 or 3.
    """
    normalized = onnx.ModelProto()
    normalized.CopyFrom(proto)
    graph = normalized.graph
    taken = {value.name for value in (*graph.input, *graph.initializer)}
    taken |= {name for node in graph.node for name in (*node.input, *node.output, node.name)}
    subtracted, divided = (_free(f"{name}_{done}", taken) for name, done in _STEPS)
    for node in graph.node:
        node.input[:] = [divided if name == input_name else name for name in node.input]
    shape = [1, 1, 1, 1]
    shape[axis] = len(mean)
    weights = [_free(name, taken) for name in (MEAN, STD)]
    for name, values in zip(weights, (mean, std), strict=True):
        array = np.asarray(values, np.float32).reshape(shape)
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    nodes = [
        onnx.helper.make_node("Sub", [input_name, weights[0]], [subtracted], subtracted),
        onnx.helper.make_node("Div", [subtracted, weights[1]], [divided], divided),
        *graph.node,
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    normalized.ir_version = max(normalized.ir_version, OLDEST_IR)
    return normalized


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
