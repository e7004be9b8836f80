"""ONNX Conv and BatchNormalization as Keras layers."""

import keras
import numpy as np

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, image
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    features_input,
    image_input,
    operator,
    weight_input,
)
from teachers.onnx_import.operators.window import read_window


@operator("Conv")
def convolution(node: OnnxNode, inputs: Inputs) -> Features:
    """Any two-dimensional convolution with stored weights: grouped, depthwise, dilated, padded."""
    features = image_input(node, inputs)
    kernel = weight_input(inputs, 1)  # [C_out, C_in / groups, height, width]
    bias = constant_input(inputs, 2)
    if kernel.ndim != 4:
        raise UnsupportedNodeError(f"its kernel has shape {kernel.shape}, wanted four axes")
    _, height, width, channels = features.shape
    groups = node.attributes.get("group", 1)
    if kernel.shape[1] * groups != channels or kernel.shape[0] % groups:
        raise UnsupportedNodeError(
            f"kernel {kernel.shape} in {groups} groups does not fit {channels} input channels"
        )
    window = read_window(node, (height, width), kernel.shape[2:])
    if window.kernel_size != kernel.shape[2:]:
        raise UnsupportedNodeError(
            f"kernel_shape {window.kernel_size} contradicts its kernel {kernel.shape}"
        )
    padding = "same" if window.is_same_at_stride_one else "valid"
    if padding == "valid" and np.any(window.padding):
        features = keras.layers.ZeroPadding2D(window.padding, name=f"{node.label}.pad")(features)
    is_depthwise = groups == channels > 1
    # TensorFlow has no strided dilated convolution and no depthwise one with two different strides:
    # such a window moves by one pixel, and the surplus is dropped.
    is_direct = max(window.strides) == 1 or (
        max(window.dilations) == 1 and not (is_depthwise and len(set(window.strides)) > 1)
    )
    options = {
        "kernel_size": window.kernel_size,
        "strides": window.strides if is_direct else 1,
        "padding": padding,
        "dilation_rate": window.dilations,
        "use_bias": bias is not None,
        "name": node.label,
    }
    if is_depthwise:
        multiplier = kernel.shape[0] // channels
        layer = keras.layers.DepthwiseConv2D(
            depth_multiplier=multiplier, depthwise_initializer="zeros", **options
        )
        kernel = kernel.reshape(channels, multiplier, *window.kernel_size).transpose(2, 3, 0, 1)
    else:
        layer = keras.layers.Conv2D(
            kernel.shape[0], groups=groups, kernel_initializer="zeros", **options
        )
        kernel = kernel.transpose(2, 3, 1, 0)
    outputs = apply_layer(layer, features, [kernel] if bias is None else [kernel, bias])
    if not is_direct:
        outputs = keras.layers.MaxPooling2D(1, window.strides, name=f"{node.label}.every")(outputs)
    return image(outputs)


@operator("BatchNormalization")
def batch_normalization(node: OnnxNode, inputs: Inputs) -> Features:
    """Batch normalisation with stored statistics; momentum is ignored."""
    if node.attributes.get("training_mode", 0) or not node.attributes.get("spatial", 1):
        raise UnsupportedNodeError(
            "it normalises by batch or per pixel, wanted stored statistics per channel; "
            "export the model in evaluation mode"
        )
    features = features_input(inputs)
    layer = keras.layers.BatchNormalization(
        axis=features.keras_axis(1),  # where the channels are, so that nothing is moved
        epsilon=node.attributes.get("epsilon", 1e-5),
        name=node.label,
    )
    weights = [weight_input(inputs, index) for index in range(1, 5)]
    return features.holding(apply_layer(layer, features.tensor, weights))
