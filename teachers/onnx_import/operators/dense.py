"""ONNX Gemm and MatMul as Keras dense layers."""

import keras
import numpy as np

from teachers.onnx_import.graph import OnnxNode
from teachers.onnx_import.operators.layout import Features, arranged, natural
from teachers.onnx_import.operators.registry import (
    Inputs,
    UnsupportedNodeError,
    apply_layer,
    constant_input,
    features_input,
    operator,
    weight_input,
)


def _rows(node: OnnxNode, inputs: Inputs) -> keras.KerasTensor:
    return arranged(features_input(inputs, ranks=(2,)), (0, 1), f"{node.label}.order")


def _dense(
    node: OnnxNode,
    features: keras.KerasTensor,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
) -> Features:
    if kernel.ndim != 2 or kernel.shape[0] != features.shape[-1]:
        raise UnsupportedNodeError(
            f"a matrix of shape {kernel.shape} does not fit features of shape {features.shape}"
        )
    layer = keras.layers.Dense(
        kernel.shape[1], use_bias=bias is not None, kernel_initializer="zeros", name=node.label
    )
    return natural(apply_layer(layer, features, [kernel] if bias is None else [kernel, bias]))


@operator("Gemm")
def general_matrix_product(node: OnnxNode, inputs: Inputs) -> Features:
    """Gives alpha x B + beta C, with stored B and C."""
    features, kernel = _rows(node, inputs), weight_input(inputs, 1)
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
def matrix_product(node: OnnxNode, inputs: Inputs) -> Features:
    """X B with stored B, over the last axis of features of any rank."""
    features = features_input(inputs, ranks=(2, 3, 4))
    rows = arranged(features, range(len(features.order)), f"{node.label}.order")
    return _dense(node, rows, weight_input(inputs, 1))
