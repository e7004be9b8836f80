"""What TensorFlow and Keras read from the environment at their import, and their start-up noise.

Before any setting can silence it, TensorFlow writes start-up lines to the standard error of the C
library: that it found no GPU driver, that it uses oneDNN. These lines are dropped; everything else
that appears during its import is passed on. A user who has set TF_CPP_MIN_LOG_LEVEL lower sees all
that TensorFlow says. This module does not import TensorFlow.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

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
    user_wants_logs = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3"
    if not user_wants_logs and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietTensorFlow())


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
                with _without_start_up_noise():
                    execute(module)

            # importlib has no hook around another finder's loader.
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def _without_start_up_noise() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured, os.fdopen(os.dup(2), "wb") as terminal:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)
            captured.seek(0)
            for line in captured:
                if not any(noise in line for noise in _START_UP_NOISE):
                    terminal.write(line)
