"""Robust teachers: from an ONNX or Keras file to a frozen, tapped, verified Keras network."""

from teachers import environment  # isort: skip  first of all: it must come before TensorFlow's import

from teachers import native
from teachers.attention import attention_maps
from teachers.errors import TeacherError
from teachers.keras_onnx import to_onnx
from teachers.keras_teacher import from_keras, load_keras
from teachers.native.small_resnet import resnet
from teachers.normalization import PixelNormalization
from teachers.onnx_file import self_contained_onnx
from teachers.onnx_normalization import normalized_onnx
from teachers.onnx_teacher import load_onnx
from teachers.precision import PRECISIONS, PrecisionChoice, choose_precision
from teachers.teacher import TOLERANCE, Signals, Teacher, Verification

__all__ = [
    "PRECISIONS",
    "TOLERANCE",
    "PixelNormalization",
    "PrecisionChoice",
    "Signals",
    "Teacher",
    "TeacherError",
    "Verification",
    "attention_maps",
    "choose_precision",
    "environment",
    "from_keras",
    "load_keras",
    "load_onnx",
    "native",
    "normalized_onnx",
    "resnet",
    "self_contained_onnx",
    "to_onnx",
]
