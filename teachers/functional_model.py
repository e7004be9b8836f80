"""Walks a functional Keras model: which call of which layer made a tensor, and from which tensors."""

import keras

from teachers.errors import TeacherError

Call = tuple[keras.Operation, int]
"""A layer or operation, and the index of one of its calls."""


def functional_model(model: keras.Model, source: str) -> keras.Model:
    """Returns a functional model of the same tensors, so that a sequential model is one too.

    Args:
        model: a functional or sequential Keras model.
        source: what to call it in messages.

    Raises:
        TeacherError: it is anything else, or does not have one input and one output.
    """
    is_graph = isinstance(model, keras.Model) and getattr(model, "inputs", None)
    if not is_graph or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise TeacherError(
            f"{source} is not a functional Keras model of one input and one output; "
            "build it with keras.Model(images, logits)."
        )
    return keras.Model(model.inputs, model.outputs)


def call_of(tensor: keras.KerasTensor) -> Call:
    """Returns the call that made a symbolic tensor."""
    history = tensor._keras_history
    return history.operation, history.node_index


def inputs_of(call: Call) -> list[keras.KerasTensor]:
    """Returns the symbolic tensors that a call read."""
    operation, index = call
    return operation._inbound_nodes[index].input_tensors


def output_of(call: Call) -> keras.KerasTensor:
    """Returns the first symbolic tensor that a call made."""
    operation, index = call
    return operation._inbound_nodes[index].outputs[0]
