"""From Keras layers to an ONNX file."""
