"""What TensorFlow and Keras read from the environment at their import, and their start-up noise.

Before any setting can silence it, TensorFlow writes start-up lines to the standard error of the C
library: that it found no GPU driver, that it uses oneDNN. These lines are dropped; everything else
that appears during its import is passed on. A user who has set TF_CPP_MIN_LOG_LEVEL lower sees all
that TensorFlow says. This module does not import TensorFlow.

A quarter of the import's time goes to what Keras imports for its optional wrappers and galleries:
scikit-learn, which brings scipy.stats, and pyplot. A command can leave that out.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from rnascl_tf.runtime.standard_error import without_lines

_START_UP_NOISE = (
    b"absl::InitializeLog()",
    b"cudart_stub.cc",
    b"cpu_feature_guard.cc",
    b"oneDNN custom operations are on",
)
# Keras goes without them where they are not installed.
_OPTIONAL_PACKAGES = ("sklearn", "matplotlib")
_hidden: list[str] = []


def prepare() -> None:
    """Sets the environment, so that a later import of TensorFlow is quiet."""
    # Keras would otherwise obey a user-wide setting made for another project.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Our child processes inherit the 3.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _TensorFlowFinder())


def start_faster() -> None:
    """Lets a later import of TensorFlow or Keras find no scikit-learn and matplotlib.

    For processes that run a command: `keras.wrappers` and Keras' galleries do not work in them. Our
    own code imports both packages afterwards, where it needs them.
    """
    _hidden[:] = _OPTIONAL_PACKAGES


def user_wants_logs() -> bool:
    """Whether the user has asked to see what TensorFlow and LiteRT say of themselves."""
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3"


class _TensorFlowFinder(importlib.abc.MetaPathFinder):
    """Lets another finder find TensorFlow, and prepares its import.

    Or that of Keras, where it comes first: it imports TensorFlow, and then its own wrappers.
    """

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name not in ("tensorflow", "keras"):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with contextlib.ExitStack() as stack:
                    if not user_wants_logs():
                        stack.enter_context(without_lines(*_START_UP_NOISE))
                    stack.enter_context(_without_packages(*_hidden))
                    execute(module)

            # importlib has no hook around another finder's loader.
            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def _without_packages(*names: str) -> Iterator[None]:
    """Makes packages that are not imported yet impossible to import."""
    hidden: dict[str, None] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None: the documented way to forbid one
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
