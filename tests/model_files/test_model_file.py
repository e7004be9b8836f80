"""Classifiers from files of every kind: the same logits, gradients where there are any, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.deploy import DeployError, convert, export_saved_model
from rnascl_tf.model_files.model_file import ModelFileError, load_model_file
from rnascl_tf.robustness import BlackBoxFunction
from teachers import TeacherError

SHAPE = (13, 11, 3)
IMAGES = np.random.default_rng(0).random((5, *SHAPE), np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return teachers.resnet(
        7, SHAPE, widths=(5, 11), blocks=(1, 1), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25)
    )


@pytest.fixture(scope="module")
def paths(model, tmp_path_factory):
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("models")
    model.save(folder / "model.keras")
    (folder / "model.onnx").write_bytes(teachers.to_onnx(model))
    export_saved_model(model, folder / "saved")
    (folder / "model.tflite").write_bytes(convert(folder / "saved", "float32", None))
    return {
        "keras": folder / "model.keras",
        "onnx": folder / "model.onnx",
        "saved_model": folder / "saved",
        "tflite": folder / "model.tflite",
    }


@pytest.mark.parametrize("kind", ["keras", "onnx", "saved_model", "tflite"])
def test_every_kind_gives_the_models_logits(kind, model, paths):
    loaded = load_model_file(paths[kind], input_shape=SHAPE, num_classes=7)
    assert loaded.kind == kind
    assert loaded.input_shape == SHAPE
    assert len(loaded.sha256) == 64
    assert loaded.params == (None if kind == "tflite" else model.count_params()) or kind == "onnx"
    wanted = model(IMAGES, training=False).numpy()
    if kind == "tflite":
        assert isinstance(loaded.model, BlackBoxFunction)
        found = loaded.model.compiled(IMAGES)
    else:
        found = loaded.model(tf.constant(IMAGES)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_a_saved_model_has_the_models_gradients(model, paths):
    gradients = []
    for each in (model, load_model_file(paths["saved_model"]).model):
        images = tf.constant(IMAGES)
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = each(images)
        gradients.append(tape.gradient(outputs, images).numpy())
    assert abs(gradients[0]).max() > 1e-4
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=0, atol=1e-6)


def test_the_hash_of_a_folder_is_that_of_its_content(paths, tmp_path):
    before = load_model_file(paths["saved_model"]).sha256
    assert load_model_file(paths["saved_model"]).sha256 == before
    other = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(7)])
    export_saved_model(other, tmp_path / "saved")
    assert load_model_file(tmp_path / "saved").sha256 != before


def test_a_mean_goes_in_front_of_an_onnx_file(model, paths):
    loaded = load_model_file(paths["onnx"], mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    pixels = ((IMAGES - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]).astype(np.float32)
    np.testing.assert_allclose(
        loaded.model(IMAGES, training=False), model(pixels, training=False), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("none.keras", None, ModelFileError, "does not exist"),
        ("model.h5", b"x", ModelFileError, "neither a .keras, .onnx or .tflite"),
        ("model", b"x", ModelFileError, "neither a .keras"),
        ("model.keras", b"garbage", ModelFileError, "is damaged or not a Keras model"),
        ("model.onnx", b"garbage", TeacherError, "model.onnx"),
        ("model.tflite", b"garbage", DeployError, "TFLite"),
        ("folder", "folder", ModelFileError, "not a SavedModel with the signature serving_default"),
    ],
)
def test_files_that_are_not_models(name, content, error, message, tmp_path):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message) as refusal:
        load_model_file(path)
    assert "\n" not in str(refusal.value)


def test_wrong_sizes_are_refused(paths):
    with pytest.raises(ModelFileError, match=r"takes images of \(13, 11, 3\), the data set's are"):
        load_model_file(paths["keras"], input_shape=(32, 32, 3))
    with pytest.raises(ModelFileError, match="only ONNX files are normalised from outside"):
        load_model_file(paths["keras"], mean=(0.5,), std=(0.5,))


def test_a_saved_model_without_named_logits_is_refused(tmp_path):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, *SHAPE], tf.float32)])
    def two(images):
        total = tf.reduce_sum(images, axis=(1, 2))
        return {"first": total, "second": -total}

    tf.saved_model.save(module, tmp_path / "two", signatures={"serving_default": two})
    with pytest.raises(ModelFileError, match=r"outputs \['first', 'second'\].*named logits"):
        load_model_file(tmp_path / "two")


def test_lambda_layers_are_not_run(tmp_path):
    model = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Lambda(lambda images: images * 2), keras.layers.Flatten()]
    )
    model.save(tmp_path / "code.keras")
    with pytest.raises(ModelFileError, match="not a Keras model that loads here"):
        load_model_file(tmp_path / "code.keras")
