import subprocess
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.saved_model import export_saved_model
from rnascl_tf.deploy.tflite import KINDS, convert


def test_shapes(tflite_files):
    classifier = TFLiteClassifier(tflite_files["float32"])
    assert classifier.input_shape == (29, 31, 3)
    assert classifier.num_classes == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_any_number_of_images(tflite_files, images, kind, count):
    classifier = TFLiteClassifier(tflite_files[kind], threads=2)
    logits = classifier.predict(images[:count])
    assert logits.shape == (count, 5)
    assert logits.dtype == np.float32
    # Each image alone and after others: nothing of one image may stay in the interpreter.
    for row in range(count):
        np.testing.assert_array_equal(classifier.predict(images[row : row + 1])[0], logits[row])


def test_integer_ends_follow_the_quantisation_formula(tflite_files, images):
    interpreter = Interpreter(model_content=tflite_files["int8"])
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    image = images[3].astype(np.float64)
    scale, zero_point = entry["quantization"]
    levels = np.empty(image.shape, np.int8)
    for position in np.ndindex(image.shape):
        level = round(float(image[position] / scale)) + zero_point
        levels[position] = min(max(level, -128), 127)
    interpreter.set_tensor(entry["index"], levels[None])
    interpreter.invoke()
    scale, zero_point = exit_["quantization"]
    wanted = [(int(q) - zero_point) * scale for q in interpreter.get_tensor(exit_["index"])[0]]
    logits = TFLiteClassifier(tflite_files["int8"]).predict(images[3:4])[0]
    # One product in float32 instead of float64.
    np.testing.assert_allclose(logits, wanted, rtol=1e-6)


def test_integer_input_saturates(saved_model_dir, calibration, images):
    narrow = convert(saved_model_dir, "int8", calibration * np.float32(0.5))
    classifier = TFLiteClassifier(narrow)
    # All above 0.5 is beyond the calibrated range: without saturation it would wrap around to black.
    np.testing.assert_array_equal(
        classifier.predict(np.full((1, 29, 31, 3), 0.9, np.float32)),
        classifier.predict(np.full((1, 29, 31, 3), 0.6, np.float32)),
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 31, 29, 3), np.float32), r"\[n, 29, 31, 3\], got float32 \[2, 31, 29, 3\]"),
        (np.zeros((29, 31, 3), np.float32), r"got float32 \[29, 31, 3\]"),
        (np.zeros((2, 29, 31, 3), np.uint8), "must be float32.*got uint8"),
        (np.full((2, 29, 31, 3), 1.5, np.float32), r"in \[0, 1\], got 1.5 to 1.5"),
        (np.full((2, 29, 31, 3), np.nan, np.float32), r"in \[0, 1\], got nan"),
    ],
)
def test_wrong_images_are_refused(tflite_files, wrong, message):
    with pytest.raises(DeployError, match=message):
        TFLiteClassifier(tflite_files["float32"]).predict(wrong)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x03\x04" * 9, b"not a tflite file at all"])
def test_other_files_are_refused(content):
    with pytest.raises(DeployError, match="not a TFLite file"):
        TFLiteClassifier(content)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_file_cut_off_is_refused(tflite_files, share):
    content = tflite_files["float32"]
    with pytest.raises(DeployError, match="damaged or cut off"):
        TFLiteClassifier(content[: int(len(content) * share)])


def test_no_threads_are_refused(tflite_files):
    with pytest.raises(DeployError, match="threads must be 1 or more, got 0"):
        TFLiteClassifier(tflite_files["float32"], threads=0)


def test_a_network_that_does_not_classify_is_refused(tmp_path):
    images = keras.Input((5, 7, 3))
    model = keras.Model(images, keras.layers.Conv2D(2, 3)(images))
    export_saved_model(model, tmp_path / "saved_model")
    with pytest.raises(DeployError, match=r"logits \[1, classes\].*\(1, 3, 5, 2\)"):
        TFLiteClassifier(convert(tmp_path / "saved_model", "float32"))


FUZZ = """
import sys
import numpy as np
from rnascl_tf.deploy.interpreter import DeployError, TFLiteClassifier

content = open(sys.argv[1], "rb").read()
random = np.random.default_rng(0)
refused = 0
for trial in range(240):
    damaged = bytearray(content)
    for position in random.integers(0, len(content), [0, 1, 1, 9][trial % 4]):
        damaged[position] ^= 1 << int(random.integers(8))
    if trial % 4 == 0:
        del damaged[int(random.integers(len(content))) :]
    try:
        classifier = TFLiteClassifier(bytes(damaged))
        classifier.predict(np.zeros((1, *classifier.input_shape), np.float32))
    except DeployError:
        refused += 1
print(refused)
"""


def test_damaged_files_never_crash(tflite_files, tmp_path):
    (tmp_path / "model.tflite").write_bytes(tflite_files["float32"])
    # In another process, because a crash would end this one.
    run = subprocess.run(
        [sys.executable, "-c", FUZZ, str(tmp_path / "model.tflite")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    # All 60 that are cut off, and those whose structure was hit; a flipped weight goes unnoticed.
    assert 60 < int(run.stdout) < 240
