"""Settings that TensorFlow and Keras read once, at import: this module is imported before them.

TensorFlow writes start-up lines to the C level's standard error that no setting silences (that no GPU
driver was found, which the command itself says better). They are left out here; anything else that
comes while it is imported is passed on.
"""

import contextlib
import os
import sys
import tempfile

_START_UP_NOISE = ("absl::InitializeLog()", "cudart_stub.cc", "cpu_feature_guard.cc")

# Keras would otherwise obey a user-wide setting made for another project.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


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
                if not any(noise.encode() in line for noise in _START_UP_NOISE):
                    terminal.write(line)


with _without_start_up_noise():
    import tensorflow  # noqa: F401  imported for its start-up alone
