"""The table of Keras layers: each class maps to one function that writes a call of it as ONNX."""

from collections.abc import Callable, Sequence

import keras

from teachers.onnx_export.layer_nodes.writer import Features, OnnxWriter

LayerWriter = Callable[[OnnxWriter, keras.Layer, Sequence[Features], str, tuple], Features]
"""(writer, layer, its inputs, the call's unique name, shape of its output) -> its output."""

LAYERS: dict[type, LayerWriter] = {}
"""Writer of each supported layer, by its class; a subclass may compute something else."""


def writes(*classes: type) -> Callable[[LayerWriter], LayerWriter]:
    """Registers the decorated function as the writer of layers of these classes."""

    def register(write):
        LAYERS.update(dict.fromkeys(classes, write))
        return write

    return register
