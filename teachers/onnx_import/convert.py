"""Turns an ONNX graph into Keras layers, channels last, and finds the convolutions to tap.

Written directly, because converter packages fail on in-graph normalisation and on attributes left to
their defaults, and their Lambda layers do not reload: docs/design.md, "Measured on this stack".
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError
from teachers.onnx_import.graph import OnnxGraph, OnnxNode
from teachers.onnx_import.operators import OPERATORS, Features, UnsupportedNodeError, Value
from teachers.onnx_import.operators.folding import FOLDABLE, fold
from teachers.onnx_import.operators.layout import image, natural
from teachers.onnx_import.operators.registry import Inputs
from teachers.onnx_import.operators.shape_numbers import SHAPE_OPERATORS, ShapeNumbers, compute
from teachers.onnx_import.softmax import check_over_classes, final_softmax
from teachers.taps.shortcuts import projection_shortcuts

MAXIMUM_FEATURES = 2**25
"""Largest output of one layer for an image, in numbers: 128 MiB in float32."""

MAXIMUM_GROWTH = 4096
"""Largest output of one layer for each pixel of an image, in numbers; 256 channels are usual."""


@dataclass(frozen=True)
class Conversion:
    """A converted network, as symbolic Keras tensors, and where its parts come from.

    Attributes:
        images: the input, [N, height, width, channels] in [0, 1].
        logits: [N, classes].
        convolutions: output of each convolution, [N, height, width, channels], by its label, in
            the file's order.
        shortcuts: labels of those that are projection shortcuts.
        tensor_names: name of the ONNX tensor for "logits" and each convolution's label.
        softmax: name of the final Softmax's output that was left out, or None.
    """

    images: keras.KerasTensor
    logits: keras.KerasTensor
    convolutions: dict[str, keras.KerasTensor]
    shortcuts: set[str]
    tensor_names: dict[str, str]
    softmax: str | None


def convert(
    source: str,
    graph: OnnxGraph,
    image_shape: tuple[int, int, int],
    normalization: keras.Layer | None,
) -> Conversion:
    """Converts a graph.

    Args:
        source: what to call the file in messages.
        graph: as read from the file.
        image_shape: (height, width, channels).
        normalization: layer in front of the graph, for a file that takes normalised images.

    Raises:
        TeacherError: operators are unsupported or do not fit their inputs (all are listed), or the
            graph is not a convolutional classifier.
    """
    nodes = _needed(graph)
    softmax = final_softmax(graph)
    _refuse_unknown_operators(source, nodes, softmax, graph.input_name)
    with _float32_layers():
        images = keras.Input(image_shape, name="images")
        pixels = images if normalization is None else normalization(images)
        pixels = natural(pixels) if graph.channels_last else image(pixels)
        walk = _Walk(source, graph, pixels, softmax)
        walk.run(nodes)

    values = walk.values
    convolutions = [node for node in nodes if node.operator == "Conv"]
    logits = values.get(graph.output_name)
    if not convolutions or not isinstance(logits, Features) or not _is_logits(logits):
        shape = list(logits.shape) if isinstance(logits, Features) else "constant"
        raise TeacherError(
            f"{source} is not a convolutional image classifier: it has {len(convolutions)} "
            f"convolutions and its output is {shape}, wanted convolutions and logits [N, classes]."
        )
    if softmax is not None:
        logging.warning("%s ends in %s; it is left out, so that logits come out.", source, softmax)
    return Conversion(
        images=images,
        logits=logits.tensor,
        convolutions={node.label: walk.features(node.outputs[0]).tensor for node in convolutions},
        shortcuts=_shortcuts(nodes, values),
        tensor_names={node.label: node.outputs[0] for node in convolutions}
        | {"logits": graph.output_name},
        softmax=None if softmax is None else softmax.outputs[0],
    )


class _Walk:
    """Converts node after node; continues after a failure, so that all failures are found."""

    def __init__(
        self, source: str, graph: OnnxGraph, pixels: Features, softmax: OnnxNode | None
    ) -> None:
        self.values: dict[str, Value] = {graph.input_name: pixels}
        self._source = source
        self._graph = graph
        self._softmax = softmax
        height, width = pixels.tensor.shape[1:3]
        self._most = min(MAXIMUM_FEATURES, MAXIMUM_GROWTH * height * width)
        self._failed: set[str] = set()  # tensors that a failed node would have written
        self._failures: list[str] = []

    def run(self, nodes: Sequence[OnnxNode]) -> None:
        for node in nodes:
            if self._failed.intersection(node.inputs):
                self._failed.update(node.outputs)
                continue
            inputs = [self._value(node, name) for name in node.inputs]
            try:
                converted = self._convert(node, inputs)
                pieces = converted if isinstance(converted, tuple) else (converted,)
                # Converters refuse nodes of which something reads a further output.
                self.values.update(zip(node.outputs, pieces, strict=False))
            except UnsupportedNodeError as error:
                self._fail(node, f"is not supported in this form: {first_line(error)}")
            except (ValueError, TypeError, IndexError, KeyError, tf.errors.OpError) as error:
                self._fail(node, f"does not fit its inputs ({first_line(error)})")
        if self._failures:
            raise TeacherError(
                f"{self._source}: {'; '.join(self._failures)}. Export the model again, for another "
                "opset or without these."
            )

    def features(self, name: str) -> Features:
        """Returns a tensor that a convolution has written."""
        value = self.values[name]
        if not isinstance(value, Features):
            raise TypeError(f"{name} is not computed from the images")
        return value

    def _fail(self, node: OnnxNode, reason: str) -> None:
        self._failures.append(f"{node} {reason}")
        self._failed.update(node.outputs)

    def _value(self, node: OnnxNode, name: str) -> Value:
        if not name:
            return None
        if name in self.values:
            return self.values[name]
        if self._graph.has_constant(name):
            try:
                return self._graph.constant(name)
            except (ValueError, TypeError, KeyError) as error:
                raise TeacherError(
                    f"{self._source}: weight {name!r} of {node} is damaged ({first_line(error)}); "
                    "export or download it again."
                ) from error
        raise TeacherError(
            f"{self._source}: {node} reads tensor {name!r}, which nothing writes; "
            "export the model again."
        )

    def _convert(self, node: OnnxNode, inputs: Inputs) -> Value | tuple[Features, ...]:
        if node is self._softmax:
            check_over_classes(node, inputs[0])
            return inputs[0]
        numbers = [value for value in inputs if not isinstance(value, Features)]
        if len(numbers) == len(inputs):  # none is computed from the images
            stored = [value for value in numbers if not isinstance(value, ShapeNumbers)]
            if len(stored) < len(numbers) and node.operator in SHAPE_OPERATORS:
                return compute(node, numbers)
            is_stored = len(stored) == len(numbers) and any(array is not None for array in stored)
            if is_stored and node.operator in FOLDABLE:
                return fold(node, stored)
        if node.operator not in OPERATORS:
            raise UnsupportedNodeError("it is computed from the images, wanted stored numbers")
        value = OPERATORS[node.operator](node, inputs)
        if (
            isinstance(value, Features)
            and np.prod(value.tensor.shape[1:], dtype=float) > self._most
        ):
            raise UnsupportedNodeError(
                f"it gives {value.shape} numbers for an image, at most {self._most} are accepted"
            )
        return value


def _needed(graph: OnnxGraph) -> list[OnnxNode]:
    """Returns the nodes on which the output depends, in the file's order."""
    wanted = {graph.output_name}
    needed = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _refuse_unknown_operators(
    source: str, nodes: Sequence[OnnxNode], softmax: OnnxNode | None, input_name: str
) -> None:
    """Names all nodes that cannot be converted, before any is converted."""
    from_images = {input_name}
    unknown: dict[str, list[str]] = {}
    for node in nodes:
        reads_images = from_images.intersection(node.inputs)
        if reads_images and node.operator not in ("Shape", "Size"):
            from_images.update(node.outputs)
        # Some operators are supported on stored numbers, but not on what is computed from images.
        supported = OPERATORS if reads_images else OPERATORS.keys() | FOLDABLE
        if node.operator not in supported and node is not softmax:
            unknown.setdefault(node.operator, []).append(node.name)
    if unknown:
        listed = "; ".join(f"{name} at {_few(at)}" for name, at in sorted(unknown.items()))
        raise TeacherError(
            f"{source} uses unsupported operators: {listed}; this kind of network cannot be imported "
            "unless it is exported without them."
        )


def _few(names: Sequence[str], most: int = 3) -> str:
    """Lists the first names, and says how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _is_logits(value: Features) -> bool:
    return value.order == (0, 1) and value.tensor.shape[1] is not None and value.tensor.shape[1] > 1


def _shortcuts(nodes: Sequence[OnnxNode], values: Mapping[str, Value]) -> set[str]:
    # Only through features, because arithmetic on shapes is not a path of the network.
    producers = {
        name: node.label
        for node in nodes
        for name in node.outputs
        if isinstance(values.get(name), Features)
    }
    return projection_shortcuts(
        {node.label: [producers[n] for n in node.inputs if n in producers] for node in nodes},
        convolutions=[node.label for node in nodes if node.operator == "Conv"],
        additions=[node.label for node in nodes if node.operator in ("Add", "Sum")],
    )


@contextlib.contextmanager
def _float32_layers() -> Iterator[None]:
    """Builds layers in float32, as the file is, even if training runs in mixed precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
