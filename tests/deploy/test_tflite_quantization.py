"""What is quantised in files of each kind."""

import pytest

from rnascl_tf.deploy import quantization
from rnascl_tf.deploy.tflite_quantization import float_operators

FLOAT = {"dtype": "float32", "scale": None, "zero_point": None}


@pytest.mark.parametrize("kind", ["float32", "float16", "dynamic"])
def test_float_ends_have_no_scale(tflite_files, kind):
    assert quantization(tflite_files[kind]) == {"input": FLOAT, "output": FLOAT}
    assert "CONV_2D" in float_operators(tflite_files[kind])


def test_integer_ends_have_scale_and_zero_point(tflite_files):
    found = quantization(tflite_files["int8"])
    assert {end["dtype"] for end in found.values()} == {"int8"}
    # Pixels in [0, 1] on 256 levels.
    assert found["input"]["scale"] == pytest.approx(1 / 255, rel=0.01)
    assert found["input"]["zero_point"] == -128
    assert isinstance(found["output"]["zero_point"], int)
    assert float_operators(tflite_files["int8"]) == []
