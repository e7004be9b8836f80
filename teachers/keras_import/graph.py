"""Finds the convolutions of a functional Keras model and which of them are projection shortcuts."""

from dataclasses import dataclass

import keras

from teachers.functional_model import Call, call_of, inputs_of
from teachers.taps.names import unique_names
from teachers.taps.shortcuts import projection_shortcuts


@dataclass(frozen=True)
class ConvolutionGraph:
    """The convolutions of a model.

    Attributes:
        convolutions: output of each convolution by name, in the model's own layer order. If a
            layer has an activation of its own, that is after it.
        shortcuts: names of those that are projection shortcuts.
    """

    convolutions: dict[str, keras.KerasTensor]
    shortcuts: set[str]


def convolution_graph(model: keras.Model) -> ConvolutionGraph:
    """Walks a functional model from its output to its input.

    Convolutions inside a nested model are not seen: that model is one node here.

    Args:
        model: a functional model of one input and one output.
    """
    order = {id(operation): index for index, operation in enumerate(model.operations)}
    predecessors: dict[Call, list[Call]] = {}
    tensors = {}
    pending = [model.outputs[0]]
    while pending:
        tensor = pending.pop()
        call = call_of(tensor)
        if call in predecessors:
            continue
        tensors[call] = tensor
        inputs = [] if tensor is model.inputs[0] else inputs_of(call)
        predecessors[call] = [call_of(source) for source in inputs]
        pending.extend(inputs)

    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    calls = [call for call in predecessors if isinstance(call[0], kinds)]
    calls.sort(key=lambda call: (order[id(call[0])], call[1]))
    names = dict(zip(calls, unique_names(call[0].name for call in calls), strict=True))
    shortcuts = projection_shortcuts(
        predecessors,
        convolutions=calls,
        # Both the Add layer and the operation of `a + b` are classes of this name.
        additions=[call for call in predecessors if type(call[0]).__name__ == "Add"],
    )
    return ConvolutionGraph(
        convolutions={names[call]: tensors[call] for call in calls},
        shortcuts={names[call] for call in shortcuts},
    )
