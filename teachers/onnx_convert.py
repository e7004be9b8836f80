"""Turns an ONNX graph into Keras layers, channels last, and finds the convolutions to tap.

Written directly and not through a converter package: those fail on in-graph normalisation and on
attributes left to their defaults, and their Lambda layers do not reload (DESIGN section 6).
"""

import contextlib
from dataclasses import dataclass

import keras
import tensorflow as tf
from absl import logging

from teachers.errors import TeacherError, first_line
from teachers.onnx_graph import OnnxGraph, OnnxNode
from teachers.operators import OPERATORS, UnsupportedNodeError
from teachers.shortcuts import projection_shortcuts


@dataclass(frozen=True)
class Conversion:
    """A converted network, as symbolic Keras tensors, and where its parts come from.

    Attributes:
        images: the input, [N, height, width, channels] in [0, 1].
        logits: [N, classes].
        convolutions: output of each convolution, [N, height, width, channels], by its label, in
            the file's order.
        shortcuts: labels of those that are projection shortcuts.
        tensor_names: for "logits" and each convolution's label, the ONNX tensor's name.
    """

    images: keras.KerasTensor
    logits: keras.KerasTensor
    convolutions: dict[str, keras.KerasTensor]
    shortcuts: set[str]
    tensor_names: dict[str, str]


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
        TeacherError: operators are unsupported (all are listed), a node does not fit its inputs, or
            the graph is not a convolutional classifier.
    """
    logits_name = _before_softmax(source, graph)
    nodes = _needed(graph, logits_name)
    _refuse_unknown_operators(source, nodes)

    with _float32_layers():
        images = keras.Input(image_shape, name="images")
        values = {graph.input_name: images}
        if normalization is not None:
            values[graph.input_name] = normalization(images)
        for node in nodes:
            inputs = [_value(source, graph, values, node, name) for name in node.inputs]
            values[node.outputs[0]] = _apply(source, node, inputs)

    convolutions = [node for node in nodes if node.operator == "Conv"]
    logits = values.get(logits_name)
    if not convolutions or not _is_logits(logits):
        shape = list(logits.shape) if isinstance(logits, keras.KerasTensor) else "constant"
        raise TeacherError(
            f"{source} is not a convolutional image classifier: it has {len(convolutions)} "
            f"convolutions and its output is {shape}, wanted convolutions and logits [N, classes]."
        )
    return Conversion(
        images=images,
        logits=logits,
        convolutions={node.label: values[node.outputs[0]] for node in convolutions},
        shortcuts=_shortcuts(nodes),
        tensor_names={node.label: node.outputs[0] for node in convolutions}
        | {"logits": logits_name},
    )


def _before_softmax(source, graph):
    """Returns the tensor to take as logits: the output, or what a final Softmax reads."""
    producers = {name: node for node in graph.nodes for name in node.outputs}
    name = graph.output_name
    while name in producers and producers[name].operator in ("Identity", "Dropout"):
        name = producers[name].inputs[0]
    if name in producers and producers[name].operator == "Softmax":
        node = producers[name]
        logging.warning("%s ends in %s; it is left out, so that logits come out.", source, node)
        return node.inputs[0]
    return graph.output_name


def _needed(graph, output_name) -> list[OnnxNode]:
    """Returns the nodes on which the output depends, in the file's order."""
    wanted = {output_name}
    needed = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _refuse_unknown_operators(source, nodes):
    unknown: dict[str, list[str]] = {}
    for node in nodes:
        if node.operator not in OPERATORS:
            unknown.setdefault(node.operator, []).append(node.name)
    if unknown:
        listed = "; ".join(f"{name} at {', '.join(at)}" for name, at in sorted(unknown.items()))
        raise TeacherError(
            f"{source} uses unsupported operators: {listed}. "
            f"Supported are {', '.join(sorted(OPERATORS))}; export the model without the others."
        )


def _value(source, graph, values, node, name):
    if not name:
        return None
    if name in values:
        return values[name]
    if graph.has_constant(name):
        try:
            return graph.constant(name)
        except (ValueError, TypeError, KeyError) as error:
            raise TeacherError(
                f"{source}: weight {name!r} of {node} is damaged ({first_line(error)}); "
                "export or download it again."
            ) from error
    raise TeacherError(
        f"{source}: {node} reads tensor {name!r}, which nothing writes; export the model again."
    )


def _apply(source, node, inputs):
    try:
        return OPERATORS[node.operator](node, inputs)
    except UnsupportedNodeError as error:
        raise TeacherError(
            f"{source}: {node} is not supported in this form: {first_line(error)}."
        ) from error
    except (ValueError, TypeError, IndexError, KeyError, tf.errors.OpError) as error:
        raise TeacherError(
            f"{source}: {node} does not fit its inputs ({first_line(error)}); "
            "export the model again."
        ) from error


def _is_logits(value):
    return (
        isinstance(value, keras.KerasTensor)
        and len(value.shape) == 2
        and value.shape[1] is not None
        and value.shape[1] > 1
    )


def _shortcuts(nodes):
    producers = {name: node.label for node in nodes for name in node.outputs}
    return projection_shortcuts(
        {node.label: [producers[n] for n in node.inputs if n in producers] for node in nodes},
        convolutions=[node.label for node in nodes if node.operator == "Conv"],
        additions=[node.label for node in nodes if node.operator == "Add"],
    )


@contextlib.contextmanager
def _float32_layers():
    """Builds layers in float32 even when training runs in mixed precision: the file is float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
