"""What is quantised in a TFLite file: input and output, and the operators in between."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import OpResolverType

from rnascl_tf.deploy.lite_runtime import create_interpreter

_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE"}


def quantization(tflite_bytes: bytes) -> dict[str, dict[str, Any]]:
    """Returns dtype, scale and zero point of the input and of the output.

    A real value v is the integer round(v / scale) + zero_point.

    Args:
        tflite_bytes: the content of a file that `TFLiteClassifier` takes.

    Returns:
        {"input": {"dtype": name, "scale": float, "zero_point": int}, "output": the same}; scale and
        zero point are None where the tensor is not quantised.
    """
    interpreter = create_interpreter(tflite_bytes, allocate=False)
    ends = {"input": interpreter.get_input_details(), "output": interpreter.get_output_details()}
    return {name: _described(details[0]) for name, details in ends.items()}


def float_operators(tflite_bytes: bytes) -> list[str]:
    """Returns the sorted names of the operators, except conversions, that read or write float32.

    Args:
        tflite_bytes: the content of a file that `TFLiteClassifier` takes.
    """
    interpreter = create_interpreter(
        tflite_bytes,
        allocate=False,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    floats = {
        tensor["index"]
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.float32
    }
    # The public interface shows only tensors, not operators.
    return sorted(
        {
            node["op_name"]
            for node in interpreter._get_ops_details()
            if floats & {int(tensor) for ends in ("inputs", "outputs") for tensor in node[ends]}
        }
        - _CONVERSIONS
    )


def _described(end: Mapping[str, Any]) -> dict[str, Any]:
    scale, zero_point = end["quantization"]
    quantized = np.issubdtype(end["dtype"], np.integer)
    return {
        "dtype": np.dtype(end["dtype"]).name,
        "scale": float(scale) if quantized else None,
        "zero_point": int(zero_point) if quantized else None,
    }
