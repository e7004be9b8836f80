"""What TensorFlow and Keras read from the environment at their import, and their start-up noise.

Before any setting can silence it, TensorFlow writes start-up lines to the standard error of the C
library: that it found no GPU driver, that it uses oneDNN. These lines are dropped; everything else
that appears during its import is passed on. A user who has set TF_CPP_MIN_LOG_LEVEL lower sees all
that TensorFlow says. This module does not import TensorFlow.
"""

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from rnascl_tf.runtime.standard_error import without_lines

_START_UP_NOISE = (
    b"absl::InitializeLog()",
    b"cudart_stub.cc",
    b"cpu_feature_guard.cc",
    b"oneDNN custom operations are on",
)


def prepare() -> None:
    """Sets the environment, so that a later import of TensorFlow is quiet."""
    # Keras would otherwise obey a user-wide setting made for another project.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Our child processes inherit the 3.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not user_wants_logs() and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietTensorFlow())


def user_wants_logs() -> bool:
    """Whether the user has asked to see what TensorFlow and LiteRT say of themselves."""
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3"


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Lets another finder find TensorFlow, and captures what its import writes."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with without_lines(*_START_UP_NOISE):
                    execute(module)

            # importlib has no hook around another finder's loader.
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
