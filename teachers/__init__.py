"""Robust teachers: from an ONNX or Keras file to a frozen, tapped, verified Keras network."""

from teachers import native
from teachers.attention import attention_maps
from teachers.errors import TeacherError
from teachers.keras_onnx import to_onnx
from teachers.keras_teacher import from_keras, load_keras
from teachers.native.small_resnet import resnet
from teachers.normalization import PixelNormalization
from teachers.onnx_file import self_contained_onnx
from teachers.onnx_teacher import load_onnx
from teachers.teacher import Signals, Teacher, Verification

__all__ = [
    "PixelNormalization",
    "Signals",
    "Teacher",
    "TeacherError",
    "Verification",
    "attention_maps",
    "from_keras",
    "load_keras",
    "load_onnx",
    "native",
    "resnet",
    "self_contained_onnx",
    "to_onnx",
]
