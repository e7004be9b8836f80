"""The one place where LiteRT's interpreter is created, without its lines about itself."""

import contextlib
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from rnascl_tf.runtime.environment import user_wants_logs
from rnascl_tf.runtime.standard_error import without_lines

_NOISE = (b"Created TensorFlow Lite XNNPACK delegate", b"Initialized TensorFlow Lite runtime")


def create_interpreter(
    tflite_bytes: bytes, *, allocate: bool = True, **options: Any
) -> Interpreter:
    """Returns an interpreter of a file's content.

    Args:
        tflite_bytes: the content.
        allocate: also allocate its tensors, which delegates operators to XNNPACK.
        options: of `Interpreter`, as `num_threads`.

    Raises:
        ValueError, RuntimeError: the content is damaged.
    """
    quiet = contextlib.nullcontext() if user_wants_logs() else without_lines(*_NOISE)
    with quiet:
        interpreter = Interpreter(model_content=tflite_bytes, **options)
        if allocate:
            interpreter.allocate_tensors()
    return interpreter
