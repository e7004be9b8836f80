"""A functional Keras classifier as an ONNX file: NCHW images in [0, 1] -> logits, free batch.

Written layer by layer and not through tf2onnx, which Keras' own ONNX export uses: that keeps channels
last, folds batch normalisation and loses the layers' names.
"""

import graphlib
from collections.abc import Sequence

import keras
import onnx
from onnx import TensorProto, helper

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError
from teachers.functional_model import Call, call_of, functional_model, inputs_of, output_of
from teachers.onnx_export.layer_nodes import LAYERS, Features, OnnxWriter, UnsupportedLayerError
from teachers.onnx_export.layer_nodes.writer import Shape
from teachers.taps.names import unique_names

OPSET = 17
IR_VERSION = 10


def to_onnx(model: keras.Model) -> bytes:
    """Returns a model as the bytes of an ONNX file, opset 17 and IR version 10, float32.

    Input "images" [batch, C, H, W] in [0, 1], output "logits" [batch, classes], the batch free.
    The graph includes what the model does to pixels, such as `PixelNormalization`. Nodes have their
    layers' names; if a layer needs several nodes, the others are called NAME.PART. Batch normalisation
    stays a node of its own, in evaluation mode. The same model gives the same bytes.

    Args:
        model: functional or sequential, of one image input [N, H, W, C] of fixed size and one
            output [N, classes], of layers as `teachers.native` and `load_onnx` make them.

    Raises:
        TeacherError: it is not such a model, or has layers that cannot be written (all are listed).
    """
    images, logits = _ends(model)
    calls = _calls(images, logits)
    names = unique_names(operation.name for operation, _ in calls)
    writer = OnnxWriter()
    values = {call_of(images): Features("images", tuple(images.shape))}
    refused: dict[str, list[str]] = {}
    for call, name in zip(calls, names, strict=True):
        inputs = [values[call_of(tensor)] for tensor in inputs_of(call)]
        shape = tuple(output_of(call).shape)
        try:
            values[call] = _written(writer, call[0], inputs, name, shape)
        except UnsupportedLayerError as error:
            refused.setdefault(f"{type(call[0]).__name__}: {first_line(error)}", []).append(name)
            # The walk continues only to find further refusals.
            values[call] = Features(f"{name}.output", shape)
    if refused:
        listed = "; ".join(f"{reason} (at {', '.join(at)})" for reason, at in refused.items())
        supported = ", ".join(sorted(layer.__name__ for layer in LAYERS))
        raise TeacherError(
            f"model {model.name!r} cannot be written as ONNX: {listed}. Supported are {supported}; "
            "build the model from these."
        )
    writer.nodes[-1].output[0] = "logits"  # the last call, which no other reads
    return _serialised(model.name, writer, images.shape, logits.shape)


def _ends(model: keras.Model) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the symbolic input and output of a classifier."""
    functional = functional_model(model, f"model {getattr(model, 'name', model)!r}")
    images, logits = functional.inputs[0], functional.outputs[0]
    sizes = [*images.shape[1:], *logits.shape[1:]]
    if len(images.shape) != 4 or len(logits.shape) != 2 or None in sizes:
        raise TeacherError(
            f"model {model.name!r} takes {images.shape} to {logits.shape}, wanted images "
            "[N, height, width, channels] of fixed size to logits [N, classes]."
        )
    return images, logits


def _calls(images: keras.KerasTensor, logits: keras.KerasTensor) -> list[Call]:
    """Returns every call of a layer on which the logits depend, each after what it reads."""
    predecessors: dict[Call, list[Call]] = {}
    pending = [call_of(logits)]
    while pending:
        call = pending.pop()
        if call not in predecessors and call != call_of(images):
            predecessors[call] = [call_of(tensor) for tensor in inputs_of(call)]
            pending.extend(predecessors[call])
    order = graphlib.TopologicalSorter(predecessors).static_order()
    return [call for call in order if call != call_of(images)]


def _written(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Writes one call of a layer and returns its output."""
    if type(layer) not in LAYERS:
        raise UnsupportedLayerError("this kind of layer is unknown")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedLayerError("it is channels first, wanted channels last")
    for features in inputs:
        if len(features.shape) not in (2, 4) or None in features.shape[1:]:
            raise UnsupportedLayerError(
                f"it reads {features.shape}, wanted rank 2 or 4, fixed sizes"
            )
    return LAYERS[type(layer)](writer, layer, inputs, name, shape)


def _serialised(name: str, writer: OnnxWriter, images_shape: Shape, logits_shape: Shape) -> bytes:
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


def _tensor_of(name: str, shape: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
