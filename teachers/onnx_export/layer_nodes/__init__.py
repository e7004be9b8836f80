"""One function per Keras layer that writes its ONNX nodes, in a table by class.

How to add one is in `registry`. Importing this package registers all of them.
"""

from teachers.onnx_export.layer_nodes import dense, normalization, pointwise, shape, window
from teachers.onnx_export.layer_nodes.registry import LAYERS
from teachers.onnx_export.layer_nodes.writer import Features, OnnxWriter, UnsupportedLayerError

__all__ = [
    "LAYERS",
    "Features",
    "OnnxWriter",
    "UnsupportedLayerError",
    "dense",
    "normalization",
    "pointwise",
    "shape",
    "window",
]
