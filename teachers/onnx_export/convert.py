"""A functional Keras classifier as an ONNX file: NCHW images in [0, 1] -> logits, free batch.

Written layer by layer and not through tf2onnx, on which Keras' own ONNX export rests: that keeps
channels last, folds batch normalisation and loses the layers' names.
"""

import graphlib

import keras
from onnx import TensorProto, helper

from teachers.errors import TeacherError, first_line
from teachers.onnx_export.layer_nodes import LAYERS, Features, OnnxWriter, UnsupportedLayerError
from teachers.taps.names import unique_names

OPSET = 17
IR_VERSION = 10


def to_onnx(model: keras.Model) -> bytes:
    """Returns a model as the bytes of an ONNX file, opset 17 and IR version 10, float32.

    Input "images" [batch, C, H, W] in [0, 1], output "logits" [batch, classes], the batch free.
    What the model does to pixels, such as `PixelNormalization`, is in the graph. Nodes carry their
    layers' names; where a layer needs several, the others are called NAME.PART. Batch normalisation
    stays a node of its own, in evaluation mode. The same model gives the same bytes.

    Args:
        model: functional or sequential, of one image input [N, H, W, C] of fixed size and one
            output [N, classes], of layers as `teachers.native` and `load_onnx` make them.

    Raises:
        TeacherError: the model is none such, or has layers that cannot be written (all are listed).
    """
    images, logits = _ends(model)
    calls = _calls(images, logits)
    names = unique_names(operation.name for operation, _ in calls)
    writer = OnnxWriter()
    values = {_call_of(images): Features("images", tuple(images.shape))}
    refused: dict[str, list[str]] = {}
    for call, name in zip(calls, names, strict=True):
        inputs = [values[_call_of(tensor)] for tensor in _inputs(call)]
        shape = tuple(_output(call).shape)
        try:
            values[call] = _written(writer, call[0], inputs, name, shape)
        except UnsupportedLayerError as error:
            refused.setdefault(f"{type(call[0]).__name__}: {first_line(error)}", []).append(name)
            # The walk goes on for the sake of further refusals alone.
            values[call] = Features(f"{name}.output", shape)
    if refused:
        listed = "; ".join(f"{reason} (at {', '.join(at)})" for reason, at in refused.items())
        supported = ", ".join(sorted(layer.__name__ for layer in LAYERS))
        raise TeacherError(
            f"model {model.name!r} cannot be written as ONNX: {listed}. Supported are {supported}; "
            "build the model of these."
        )
    writer.nodes[-1].output[0] = "logits"  # of the last call, which no other reads
    return _serialised(model.name, writer, images.shape, logits.shape)


def _ends(model):
    """Returns the symbolic input and output of a classifier."""
    is_graph = isinstance(model, keras.Model) and getattr(model, "inputs", None)
    if not is_graph or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise TeacherError(
            f"{getattr(model, 'name', model)!r} is not a functional Keras model of one input and "
            "one output; build it with keras.Model(images, logits)."
        )
    # Rebuilt from its tensors, so that a sequential model is a functional one too.
    functional = keras.Model(model.inputs, model.outputs)
    images, logits = functional.inputs[0], functional.outputs[0]
    sizes = [*images.shape[1:], *logits.shape[1:]]
    if len(images.shape) != 4 or len(logits.shape) != 2 or None in sizes:
        raise TeacherError(
            f"model {model.name!r} takes {images.shape} to {logits.shape}, wanted images "
            "[N, height, width, channels] of fixed size to logits [N, classes]."
        )
    return images, logits


def _calls(images, logits):
    """Returns every call of a layer on which the logits depend, each after what it reads."""
    predecessors = {}
    pending = [_call_of(logits)]
    while pending:
        call = pending.pop()
        if call not in predecessors and call != _call_of(images):
            predecessors[call] = [_call_of(tensor) for tensor in _inputs(call)]
            pending.extend(predecessors[call])
    order = graphlib.TopologicalSorter(predecessors).static_order()
    return [call for call in order if call != _call_of(images)]


def _call_of(tensor):
    """Returns (operation, index of its call) that made a symbolic tensor."""
    history = tensor._keras_history
    return history.operation, history.node_index


def _inputs(call):
    operation, index = call
    return operation._inbound_nodes[index].input_tensors


def _output(call):
    operation, index = call
    return operation._inbound_nodes[index].outputs[0]


def _written(writer, layer, inputs, name, shape):
    """Writes one call of a layer and returns its output."""
    if type(layer) not in LAYERS:
        raise UnsupportedLayerError("no such layer is known")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedLayerError("it is channels first, wanted channels last")
    for features in inputs:
        if len(features.shape) not in (2, 4) or None in features.shape[1:]:
            raise UnsupportedLayerError(
                f"it reads {features.shape}, wanted rank 2 or 4, fixed sizes"
            )
    return LAYERS[type(layer)](writer, layer, inputs, name, shape)


def _serialised(name, writer, images_shape, logits_shape):
    _, height, width, channels = images_shape
    graph = helper.make_graph(
        writer.nodes,
        name,
        [_tensor_of("images", ["batch", channels, height, width])],
        [_tensor_of("logits", ["batch", logits_shape[1]])],
        writer.weights,
    )
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="teachers.to_onnx",
    )
    return proto.SerializeToString()


def _tensor_of(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
