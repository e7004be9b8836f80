"""From an ONNX file to Keras layers: reading, converting, checking against onnxruntime."""
