"""Settings that TensorFlow and Keras read once, at import: this module is imported before them.

TensorFlow writes start-up lines to the C level's standard error before any setting silences it: that no
GPU driver was found, that oneDNN is used. They are left out here; anything else that comes while it is
imported is passed on. A user who has set TF_CPP_MIN_LOG_LEVEL lower sees all that TensorFlow says.
"""

import contextlib
import os
import sys
import tempfile

_START_UP_NOISE = (
    b"absl::InitializeLog()",
    b"cudart_stub.cc",
    b"cpu_feature_guard.cc",
    b"oneDNN custom operations are on",
)

# Keras would otherwise obey a user-wide setting made for another project.
os.environ["KERAS_BACKEND"] = "tensorflow"
# Our own child processes inherit the 3.
_user_wants_logs = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3"


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


with contextlib.nullcontext() if _user_wants_logs else _without_start_up_noise():
    import tensorflow  # noqa: F401  imported for its start-up alone
