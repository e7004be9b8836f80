"""The kinds of TFLite files, importable without TensorFlow; `tflite` says what each one is."""

KINDS = ("float32", "float16", "dynamic", "int8")
