"""From an ONNX file to a `Teacher`: reading, converting to Keras, comparing with onnxruntime."""
