import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.logit_agreement import agreement
from rnascl_tf.deploy.saved_model import export_saved_model
from rnascl_tf.deploy.tflite import convert


def ends_of(tflite_bytes):
    interpreter = Interpreter(model_content=tflite_bytes)
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


# Logits have a standard deviation of about 0.7. float32: the order of sums only. float16: weights
# rounded to 11 bits. dynamic: the 1147 weights of one convolution in 8 bits. int8: everything in 8
# bits; a root mean square error of 0.06 was measured, four times that is allowed.
@pytest.mark.parametrize(
    ("kind", "tolerance", "top1"),
    [("float32", 1e-4, 1.0), ("float16", 0.01, 1.0), ("dynamic", 0.06, 0.96), ("int8", 0.24, 0.9)],
)
def test_logits_agree_with_keras(tflite_files, images, keras_logits, kind, tolerance, top1):
    result = agreement(keras_logits, TFLiteClassifier(tflite_files[kind]).predict(images))
    assert result.n == 53
    assert result.max_difference < tolerance
    assert result.top1 >= top1


def test_the_kinds_are_different_files(tflite_files):
    assert len(set(tflite_files.values())) == 4


def test_quantised_weights_are_smaller(tflite_files):
    # 1147 weights of 4, 2 and 1 bytes; float16 adds an operator to each tensor, which costs bytes.
    assert len(tflite_files["dynamic"]) < len(tflite_files["float32"]) - 1147 * 2


@pytest.mark.parametrize("kind", ["float32", "float16", "dynamic"])
def test_float_kinds_have_float_ends(tflite_files, kind):
    for end in ends_of(tflite_files[kind]):
        assert end["dtype"] == np.float32


def test_int8_is_integer_throughout(tflite_files):
    interpreter = Interpreter(model_content=tflite_files["int8"])
    interpreter.allocate_tensors()
    for end in ends_of(tflite_files["int8"]):
        assert end["dtype"] == np.int8
    kinds = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    # int32 holds biases and shapes; a float tensor would mean that an operator was left in float.
    assert kinds <= {np.int8, np.int32}


def test_int8_input_covers_the_unit_range(tflite_files):
    scale, zero_point = ends_of(tflite_files["int8"])[0]["quantization"]
    # The calibration images reach 0 and 1, so -128 and 127 must mean 0 and 1.
    assert (-128 - zero_point) * scale == pytest.approx(0, abs=1e-6)
    assert (127 - zero_point) * scale == pytest.approx(1, abs=1e-3)


def test_calibration_decides_the_ranges(saved_model_dir, calibration, tflite_files):
    narrow = convert(saved_model_dir, "int8", calibration * np.float32(0.5))
    scale, _ = ends_of(narrow)[0]["quantization"]
    assert scale == pytest.approx(0.5 / 255, rel=1e-3)


def test_signature_and_free_batch(tflite_files):
    for content in tflite_files.values():
        interpreter = Interpreter(model_content=content)
        assert interpreter.get_signature_list() == {
            "serving_default": {"inputs": ["images"], "outputs": ["logits"]}
        }
        assert ends_of(content)[0]["shape_signature"].tolist() == [-1, 29, 31, 3]


def test_nothing_is_printed(saved_model_dir, calibration, capfd):
    convert(saved_model_dir, "int8", calibration[:3])
    assert capfd.readouterr() == ("", "")


def test_conversion_repeats(saved_model_dir, calibration, tflite_files):
    assert convert(saved_model_dir, "int8", calibration) == tflite_files["int8"]


@pytest.mark.parametrize("kind", ["int4", "Float32", None])
def test_unknown_kind_is_refused(saved_model_dir, kind):
    with pytest.raises(DeployError, match="give one of float32, float16, dynamic, int8"):
        convert(saved_model_dir, kind)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, "int8 needs calibration images"),
        (np.zeros((0, 29, 31, 3), np.float32), "int8 needs calibration images"),
        (np.zeros((3, 29, 31, 3)), "float32.*got float64"),
        (np.zeros((29, 31, 3), np.float32), r"got float32 \(29, 31, 3\)"),
        (np.full((3, 29, 31, 3), 255, np.float32), r"in \[0, 1\], got 255.0 to 255.0"),
        (np.full((3, 29, 31, 3), np.nan, np.float32), r"in \[0, 1\], got nan"),
        (np.zeros((3, 31, 29, 3), np.float32), r"are \(31, 29, 3\), the model takes \(29, 31, 3\)"),
    ],
)
def test_unusable_calibration_is_refused(saved_model_dir, images, message):
    with pytest.raises(DeployError, match=message):
        convert(saved_model_dir, "int8", images)


def test_a_folder_without_saved_model_is_refused(tmp_path):
    with pytest.raises(DeployError, match="is not a SavedModel"):
        convert(tmp_path, "float32")


def save(function, directory, inputs=1):
    """A SavedModel as others write it: a signature of our choice, without our names."""
    module = tf.Module()
    specs = [tf.TensorSpec((None, 5, 7, 3), tf.float32, name=f"pixels{n}") for n in range(inputs)]
    signature = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, directory, signatures={"serving_default": signature})


def test_a_saved_model_of_another_tool_is_converted(tmp_path):
    save(lambda pixels0: {"scores": tf.reduce_mean(pixels0, axis=(1, 2)) * 3.0}, tmp_path / "one")
    images = np.random.default_rng(2).random((4, 5, 7, 3), np.float32)
    classifier = TFLiteClassifier(convert(tmp_path / "one", "float32"))
    np.testing.assert_allclose(
        classifier.predict(images), 3 * images.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6
    )


def test_more_ends_than_a_classifier_has_are_named(tmp_path):
    save(lambda pixels0: {"b": pixels0[:, 0, 0], "a": pixels0[:, 1, 1]}, tmp_path / "outputs")
    with pytest.raises(
        DeployError, match=r"the outputs \['a', 'b'\]; it needs one batch of images"
    ):
        convert(tmp_path / "outputs", "float32")
    save(lambda pixels0, pixels1: (pixels0 + pixels1)[:, 0, 0], tmp_path / "inputs", inputs=2)
    with pytest.raises(DeployError, match=r"the inputs \['pixels0', 'pixels1'\]"):
        convert(tmp_path / "inputs", "float32")


class Betainc(keras.layers.Layer):
    """An operator that neither TFLite nor its TensorFlow extension has."""

    def call(self, features):
        positive = tf.nn.sigmoid(features)
        return tf.raw_ops.Betainc(a=positive, b=positive, x=positive)


class MatrixInverse(keras.layers.Layer):
    """An operator that would make a file that only runs with the TensorFlow extension."""

    def call(self, features):
        return tf.raw_ops.MatrixInverse(input=features[:, :, None] * tf.ones((1, 1, 3)))[:, 0]


@pytest.mark.parametrize("layer", [Betainc, MatrixInverse])
@pytest.mark.parametrize("kind", ["float32", "dynamic"])
def test_missing_operators_are_named(tmp_path, layer, kind):
    images = keras.Input((5, 7, 3))
    logits = layer()(keras.layers.GlobalAveragePooling2D()(images))
    export_saved_model(keras.Model(images, logits), tmp_path / "saved_model")
    with pytest.raises(DeployError, match=f"TFLite has no operator for {layer.__name__}:"):
        convert(tmp_path / "saved_model", kind)


class RunningSum(keras.layers.Layer):
    """An operator that TFLite has in float only."""

    def call(self, features):
        return tf.cumsum(features, axis=1)


def test_an_operator_that_int8_would_leave_in_float_is_named(tmp_path, calibration):
    images = keras.Input(calibration.shape[1:])
    features = keras.layers.Conv2D(4, 1)(RunningSum()(keras.layers.Conv2D(4, 3)(images)))
    logits = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(features))
    export_saved_model(keras.Model(images, logits), tmp_path / "saved_model")
    with pytest.raises(DeployError, match="has CUMSUM in float only"):
        convert(tmp_path / "saved_model", "int8", calibration)
    assert convert(tmp_path / "saved_model", "float32")[4:8] == b"TFL3"
