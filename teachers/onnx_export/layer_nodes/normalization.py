"""Normalisation of pixels and of batches, and layers without effect in evaluation, as ONNX nodes."""

from collections.abc import Sequence

import keras
import numpy as np

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.onnx_export.layer_nodes.registry import writes
from teachers.onnx_export.layer_nodes.writer import (
    Features,
    OnnxWriter,
    Shape,
    UnsupportedLayerError,
    channels_first,
)


@writes(PixelNormalization)
def pixel_normalization(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """(image - mean) / std, in that order, so that float32 rounds as in Keras."""
    mean, std = (
        writer.weight(f"{name}.{part}", channels_first(np.float32(numbers), len(shape)))
        for part, numbers in (("mean", layer.mean), ("std", layer.std))
    )
    centred = writer.node("Sub", [writer.whole(inputs[0]), mean], f"{name}.shift")
    return Features(writer.node("Div", [centred, std], name), shape)


@writes(keras.layers.BatchNormalization)
def batch_normalization(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Normalises by stored statistics; a scale or shift that the layer lacks is written as 1 or 0."""
    if layer.axis not in (-1, len(shape) - 1):
        raise UnsupportedLayerError(f"it normalises axis {layer.axis}, wanted the channels")
    channels = layer.moving_mean.shape[0]
    scale = layer.gamma.numpy() if layer.scale else np.ones(channels)
    shift = layer.beta.numpy() if layer.center else np.zeros(channels)
    statistics = {
        "scale": scale,
        "shift": shift,
        "mean": layer.moving_mean.numpy(),
        "variance": layer.moving_variance.numpy(),
    }
    operands = [writer.weight(f"{name}.{part}", array) for part, array in statistics.items()]
    output = writer.node(
        "BatchNormalization", [writer.whole(inputs[0]), *operands], name, epsilon=layer.epsilon
    )
    return Features(output, shape)


@writes(keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.Identity)
def no_operation(
    writer: OnnxWriter,
    layer: keras.layers.Layer,
    inputs: Sequence[Features],
    name: str,
    shape: Shape,
) -> Features:
    """Passes its input on: these layers have no effect in evaluation."""
    del writer, layer, name, shape
    return inputs[0]
