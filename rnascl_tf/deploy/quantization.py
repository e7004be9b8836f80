"""How a TFLite file's ends are quantised: what who feeds it must know."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def quantization(tflite_bytes):
    """Returns dtype, scale and zero point of the input and of the output.

    A real value v is the integer round(v / scale) + zero_point.

    Args:
        tflite_bytes: the content of a file that `TFLiteClassifier` takes.

    Returns:
        {"input" and "output": {"dtype": name, "scale": float, "zero_point": int}}; scale and zero point
        are None where the end is not quantised.
    """
    interpreter = Interpreter(model_content=tflite_bytes)
    ends = {"input": interpreter.get_input_details(), "output": interpreter.get_output_details()}
    return {name: _described(details[0]) for name, details in ends.items()}


def _described(end):
    scale, zero_point = end["quantization"]
    quantized = np.issubdtype(end["dtype"], np.integer)
    return {
        "dtype": np.dtype(end["dtype"]).name,
        "scale": float(scale) if quantized else None,
        "zero_point": int(zero_point) if quantized else None,
    }
