"""TensorFlow's start-up lines are dropped, the rest of what its import writes is not."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL_IMPORT = """
try:
    import sklearn
except ImportError:
    sklearn = None
"""
FAKE = f"""
import os, sys
os.write(2, b"2026 I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.\\n")
os.write(2, b"a line that counts\\n")
print("a line of Python", file=sys.stderr)
{OPTIONAL_IMPORT}"""
FAKE_KERAS = f"import tensorflow\n{OPTIONAL_IMPORT}"


def run(code, tmp_path, **environment):
    """Runs code beside packages that pretend to be TensorFlow and Keras; returns what it prints."""
    (tmp_path / "tensorflow.py").write_text(FAKE)
    (tmp_path / "keras.py").write_text(FAKE_KERAS)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("TF_")},
            "PYTHONPATH": f"{tmp_path}:{ROOT}",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def test_only_start_up_noise_is_dropped(tmp_path):
    _, errors = run("import rnascl_tf, tensorflow", tmp_path)
    assert errors == "a line that counts\na line of Python\n"


def test_a_user_who_asks_for_logs_sees_them(tmp_path):
    _, errors = run("import rnascl_tf, tensorflow", tmp_path, TF_CPP_MIN_LOG_LEVEL="0")
    assert "oneDNN custom operations are on" in errors


def test_a_command_leaves_optional_packages_out_of_the_import_and_no_longer(tmp_path):
    (tmp_path / "sklearn.py").write_text("")
    code = """
from rnascl_tf.runtime import environment
environment.start_faster()
import tensorflow, sklearn
print(tensorflow.sklearn, sklearn.__name__)
"""
    assert run(code, tmp_path)[0] == "None sklearn\n"
    # An import of Keras registers our layers, which a pretended TensorFlow cannot make.
    layers = "'rnascl_tf.layers': sys, 'teachers.layers': sys"
    keras_first = f"import sys; sys.modules.update({{{layers}}})" + code
    keras_first = keras_first.replace("import tensorflow,", "import keras, tensorflow,")
    keras_first = keras_first.replace("print(", "print(keras.sklearn, ")
    assert run(keras_first, tmp_path)[0] == "None None sklearn\n"
    as_a_library = "import rnascl_tf, tensorflow; print(tensorflow.sklearn.__name__)"
    assert run(as_a_library, tmp_path)[0] == "sklearn\n"


def test_what_a_command_imported_first_stays(tmp_path):
    (tmp_path / "sklearn.py").write_text("")
    code = """
import sklearn
from rnascl_tf.runtime import environment
environment.start_faster()
import tensorflow
print(tensorflow.sklearn is sklearn)
"""
    assert run(code, tmp_path)[0] == "True\n"


def test_what_flags_need_is_importable_without_tensorflow(tmp_path):
    code = """
import sys
from rnascl_tf.runtime import environment, errors, stopping
from rnascl_tf.runtime.strategy_names import STRATEGIES
from rnascl_tf.files import why_unwritable, write_json
print("auto" in STRATEGIES, "tensorflow" in sys.modules, "keras" in sys.modules)
"""
    printed, _ = run(code, tmp_path)
    assert printed == "True False False\n"
