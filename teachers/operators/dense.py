"""ONNX Gemm and MatMul as Keras dense layers."""

import keras
import numpy as np

from teachers.operators.registry import (
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    operator,
    tensor_input,
    weight_input,
)


def _dense(node, features, kernel, bias=None):
    if kernel.ndim != 2 or kernel.shape[0] != features.shape[-1]:
        raise UnsupportedNodeError(
            f"a matrix of shape {kernel.shape} does not fit features of shape {features.shape}"
        )
    layer = keras.layers.Dense(
        kernel.shape[1], use_bias=bias is not None, kernel_initializer="zeros", name=node.label
    )
    return apply_layer(layer, features, [kernel] if bias is None else [kernel, bias])


@operator("Gemm")
def general_matrix_product(node, inputs):
    """Gives alpha x B + beta C, with stored B and C."""
    features, kernel = tensor_input(inputs, ranks=(2,)), weight_input(inputs, 1)
    bias = constant_input(inputs, 2)
    attributes = node.attributes
    if attributes.get("transA", 0):
        raise UnsupportedNodeError("transA mixes the images of a batch")
    if attributes.get("transB", 0):
        kernel = kernel.T
    kernel = kernel * attributes.get("alpha", 1.0)
    if bias is not None:
        if bias.ndim > 1 and bias.shape[0] != 1:
            raise UnsupportedNodeError(f"its bias of shape {bias.shape} differs between images")
        bias = np.broadcast_to(bias.reshape(-1) * attributes.get("beta", 1.0), kernel.shape[1:])
    return _dense(node, features, kernel, bias)


@operator("MatMul")
def matrix_product(node, inputs):
    """X B with stored B."""
    return _dense(node, tensor_input(inputs, ranks=(2,)), weight_input(inputs, 1))
