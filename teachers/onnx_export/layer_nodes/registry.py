"""The table of Keras layers: each class maps to one function that writes a call of it as ONNX.

To add a layer: write its function in the file of its kind (or in a new file, imported in this folder's
`__init__`), decorate it with `@writes(LayerClass)`, and compare the file with Keras in the test of the
same name, by the fixture `assert_exports`. Nothing else lists layers.
"""

from collections.abc import Callable, Sequence

import keras

from teachers.onnx_export.layer_nodes.writer import Features, OnnxWriter, Shape

LayerWriter = Callable[[OnnxWriter, keras.Layer, Sequence[Features], str, Shape], Features]
"""(writer, layer, its inputs, the call's unique name, shape of its output) -> its output."""

LAYERS: dict[type, LayerWriter] = {}
"""Writer of each supported layer, by its exact class: a subclass may compute something else."""


def writes(*classes: type) -> Callable[[LayerWriter], LayerWriter]:
    """Registers the decorated function as the writer of layers of these classes."""

    def register(write: LayerWriter) -> LayerWriter:
        LAYERS.update(dict.fromkeys(classes, write))
        return write

    return register
