"""One function per ONNX operator, in a table by the operator's name.

How to add one is in `registry`. Importing this package registers all of them.
"""

from teachers.onnx_import.operators import (
    activation,
    arithmetic,
    convolution,
    dense,
    joining,
    passing,
    pooling,
    shape,
)
from teachers.onnx_import.operators.layout import Features
from teachers.onnx_import.operators.registry import OPERATORS, UnsupportedNodeError, Value

__all__ = [
    "OPERATORS",
    "Features",
    "UnsupportedNodeError",
    "Value",
    "activation",
    "arithmetic",
    "convolution",
    "dense",
    "joining",
    "passing",
    "pooling",
    "shape",
]
