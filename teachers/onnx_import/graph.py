"""What an ONNX file says, as a plain list of nodes: image in, logits out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError
from teachers.onnx_import.file import load_proto
from teachers.taps.names import unique_names

MAXIMUM_SIDE = 16384
"""Largest image side or window size in pixels that a file may ask for."""

RESERVED_LABELS = ("images", "normalization")
"""Names of the Keras layers in front of the graph."""

OLDEST_OPSET = 7
"""Before it, batch normalisation and broadcasting followed other rules."""


@dataclass(frozen=True)
class OnnxNode:
    """One operator of the graph, with the facts of the file on which its meaning depends.

    Attributes:
        operator: ONNX operator, e.g. "Conv"; prefixed by its domain unless that is ONNX' own.
        name: the node's name in the file, or operator and index if it has none.
        label: `name` made unique and reduced to letters, digits and underscores.
        inputs: names of the tensors read; "" for an optional input that is left out.
        outputs: names of the tensors written.
        attributes: only those present in the file: numbers, text, lists, or arrays.
        opset: version of the operator set that the file declares.
        batch: batch size fixed in the file, or None if it is free.
    """

    operator: str
    name: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int
    batch: int | None

    def __str__(self) -> str:
        return f"{self.name} ({self.operator})"


@dataclass(frozen=True)
class OnnxGraph:
    """An image model as its file states it.

    Attributes:
        nodes: in an order in which every tensor is written before it is read.
        input_name: name of the one input that is not a weight.
        input_shape: (height, width, channels); None for a size that the file leaves free.
        channels_last: whether the input is [N, H, W, C], as TensorFlow's exporters write it, and
            not [N, C, H, W].
        batch: batch size fixed in the file, or None if it is free.
        output_name: name of the one output.
        sha256: hexadecimal digest of the file, followed by its external data files in name order.
    """

    nodes: tuple[OnnxNode, ...]
    input_name: str
    input_shape: tuple[int | None, int | None, int | None]
    channels_last: bool
    batch: int | None
    output_name: str
    sha256: str
    _constants: Mapping[str, onnx.TensorProto] = field(repr=False)

    def has_constant(self, name: str) -> bool:
        """Returns whether `name` is a weight stored in the file."""
        return name in self._constants

    def constant(self, name: str) -> np.ndarray:
        """Returns a weight in ONNX' axis order; it is decoded again on each call, to save memory."""
        return _array(self._constants[name])


def read_onnx(path: str | Path) -> OnnxGraph:
    """Reads and checks an ONNX file.

    Args:
        path: the file; external data, if any, is in the same folder.

    Raises:
        TeacherError: the file is missing, too large, not ONNX, damaged, names external data outside
            its folder, or is not a model of one float32 image input and one output.
    """
    path = Path(path)
    try:
        return _read(path)
    except TeacherError:
        raise
    # Protobuf returns damaged text as bytes, and any number for damaged sizes and types.
    except (ValueError, TypeError, KeyError) as error:
        raise TeacherError(
            f"{path} is damaged ({first_line(error)}); export or download it again."
        ) from error


def _read(path: Path) -> OnnxGraph:
    proto, sha256 = load_proto(path)
    constants = _take_weights(proto)
    try:
        onnx.checker.check_model(proto)
    except Exception as error:  # the checker's C++ side raises more kinds than it documents
        raise TeacherError(
            f"{path} is not a valid ONNX model ({first_line(error)}); export or download it again."
        ) from error
    opset = next((e.version for e in proto.opset_import if e.domain in ("", "ai.onnx")), 0)
    if opset < OLDEST_OPSET:
        raise TeacherError(
            f"{path} uses ONNX opset {opset}, wanted {OLDEST_OPSET} or newer; export it again."
        )
    graph = proto.graph
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise TeacherError(
            f"{path} is not an image classifier: it has {len(inputs)} inputs and "
            f"{len(graph.output)} outputs, wanted one image input and one logits output."
        )
    shape = _image_shape(path, inputs[0])
    channels_last = _channel_axis(path, inputs[0].name, shape) == 3
    batch, first, second, third = shape
    sizes = (first, second, third) if channels_last else (second, third, first)
    names = [node.name or f"{node.op_type}_{index}" for index, node in enumerate(graph.node)]
    labels = unique_names(names, taken=RESERVED_LABELS)
    nodes = tuple(
        OnnxNode(
            operator=_operator(node),
            name=name,
            label=label,
            inputs=tuple(node.input),
            outputs=tuple(node.output),
            attributes={a.name: _attribute(a) for a in node.attribute},
            opset=opset,
            batch=batch,
        )
        for node, name, label in zip(graph.node, names, labels, strict=True)
    )
    return OnnxGraph(
        nodes=nodes,
        input_name=inputs[0].name,
        input_shape=sizes,
        channels_last=channels_last,
        batch=batch,
        output_name=graph.output[0].name,
        sha256=sha256,
        _constants=constants,
    )


def _take_weights(proto: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Takes the weights out of a model, leaves empty ones there, and returns them by name.

    The checker copies the whole model twice, which costs nothing without the weights. Each weight
    is checked when it is decoded.
    """
    weights = list(proto.graph.initializer)
    del proto.graph.initializer[:]
    for tensor in weights:
        proto.graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=[0])
    return {tensor.name: tensor for tensor in weights}


def _image_shape(path: Path, value: onnx.ValueInfoProto) -> list[int | None]:
    """Returns the input's four sizes, None for a free one."""
    kind = value.type.tensor_type
    shape = [dim.dim_value or None for dim in kind.shape.dim]
    sizes_fit = all(size is None or 0 < size <= MAXIMUM_SIDE for size in shape)
    is_image = len(shape) == 4 and {1, 3, None}.intersection((shape[1], shape[3])) and sizes_fit
    if kind.elem_type != onnx.TensorProto.FLOAT or not is_image:
        raise TeacherError(
            f"{path} takes input {value.name!r} of type "
            f"{onnx.TensorProto.DataType.Name(kind.elem_type)} and shape {shape}, wanted float32 "
            "images [N, 3, height, width] or [N, height, width, 3]; export it with such an input."
        )
    return shape


def _channel_axis(path: Path, name: str, shape: Sequence[int | None]) -> int:
    """Returns which axis, 1 or 3, holds the 1 or 3 channels."""
    for sizes in ((1, 3), (None,)):  # a free size only if no other can be the channels
        axes = [axis for axis in (1, 3) if shape[axis] in sizes]
        if len(axes) == 1:
            return axes[0]
        if axes:
            break
    raise TeacherError(
        f"{path} takes input {name!r} of shape {shape}, in which the channels could come first or "
        "last; export it with a fixed number of channels, 1 or 3, and images of another size."
    )


def _operator(node: onnx.NodeProto) -> str:
    own_domain = node.domain in ("", "ai.onnx")
    return node.op_type if own_domain else f"{node.domain}.{node.op_type}"


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return _array(value)
    return value


def _array(tensor: onnx.TensorProto) -> np.ndarray:
    array = onnx.numpy_helper.to_array(tensor)
    is_float = np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"
    return array.astype(np.float32, copy=False) if is_float else array
