"""What TensorFlow and Keras read once, at their import, and a terminal free of their noise.

TensorFlow writes start-up lines to the C level's standard error before any setting silences it: that no
GPU driver was found, that oneDNN is used. They are left out; anything else that comes while it is
imported is passed on. A user who has set TF_CPP_MIN_LOG_LEVEL lower sees all that TensorFlow says.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
import tempfile

_START_UP_NOISE = (
    b"absl::InitializeLog()",
    b"cudart_stub.cc",
    b"cpu_feature_guard.cc",
    b"oneDNN custom operations are on",
)


def prepare() -> None:
    """Sets the environment; TensorFlow's import, whenever it comes, is then quiet."""
    # Keras would otherwise obey a user-wide setting made for another project.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Our own child processes inherit the 3.
    user_wants_logs = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3"
    if not user_wants_logs and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietTensorFlow())


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Lets another finder find TensorFlow, and captures what its import writes."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                with _without_start_up_noise():
                    execute(module)

            spec.loader.exec_module = exec_module
        return spec


@contextlib.contextmanager
def _without_start_up_noise():
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
