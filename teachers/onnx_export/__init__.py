"""From a Keras model to the bytes of an ONNX file."""
