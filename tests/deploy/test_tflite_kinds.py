"""The kinds of TFLite files are known without TensorFlow."""

import subprocess
import sys
from pathlib import Path

from rnascl_tf.deploy import KINDS


def test_kinds_are_known_without_tensorflow():
    code = (
        "import sys; from rnascl_tf.deploy import KINDS; print(KINDS, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert KINDS == ("float32", "float16", "dynamic", "int8")
    assert done.stdout == f"{KINDS} False\n"
