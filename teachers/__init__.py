"""Robust teachers: from an ONNX or Keras file to a frozen, tapped, verified Keras network."""

import lazy_loader

import rnascl_tf  # noqa: F401  prepares TensorFlow and registers the layers

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
