"""Dense layers of Keras as ONNX nodes."""

from collections.abc import Sequence

import keras

from teachers.onnx_export.layer_nodes.pointwise import write_activation
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import (
    Features,
    OnnxWriter,
    Shape,
    UnsupportedLayerError,
)


@writes(keras.layers.Dense)
def dense(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """A matrix product, a bias and the layer's own activation."""
    if len(shape) != 2:
        raise UnsupportedLayerError(f"it reads rank {len(shape)}, wanted flat features")
    # Transposed as PyTorch stores it.
    operands = [writer.whole(inputs[0]), writer.weight(f"{name}.kernel", layer.kernel.numpy().T)]
    if layer.use_bias:
        operands.append(writer.weight(f"{name}.bias", layer.bias.numpy()))
    product = writer.node("Gemm", operands, name, transB=1)
    return Features(
        write_activation(writer, layer.activation, product, f"{name}.activation"), shape
    )
