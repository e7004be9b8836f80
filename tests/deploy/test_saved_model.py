import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnascl_tf  # noqa: F401  registers the layers that the student's file names
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.saved_model import export_saved_model

STUDENT = Path(__file__).parents[1] / "robustness" / "networks" / "student_trades.keras"


def signature_of(directory):
    loaded = tf.saved_model.load(str(directory))
    return loaded, loaded.signatures["serving_default"]


def constant_classifier(value):
    """Logits that are `value` whatever the image, 3 classes."""
    images = keras.Input((5, 7, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    logits = keras.layers.Dense(
        3, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value)
    )(pooled)
    return keras.Model(images, logits)


def answer_of(directory):
    _loaded, signature = signature_of(directory)
    return signature(images=tf.zeros((1, 5, 7, 3)))["logits"].numpy()[0].tolist()


def test_logits_are_those_of_evaluation_mode(saved_model_dir, classifier, images):
    _loaded, signature = signature_of(saved_model_dir)
    logits = signature(images=tf.constant(images))["logits"]
    # The same float32 operations; only their fusion may differ, 1e-6 relative in logits of about 1.
    np.testing.assert_allclose(logits, classifier(images, training=False), atol=1e-5)


def test_signature_names_types_and_free_batch(saved_model_dir, images):
    _loaded, signature = signature_of(saved_model_dir)
    ((name, spec),) = signature.structured_input_signature[1].items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("images", [None, 29, 31, 3], tf.float32)
    assert {
        name: (spec.shape.as_list(), spec.dtype)
        for name, spec in signature.structured_outputs.items()
    } == {name: ([None, 5], tf.float32) for name in ("logits", "probabilities")}
    for count in (1, 2, 7):
        assert signature(images=tf.constant(images[:count]))["logits"].shape == (count, 5)


def test_bytes_are_the_same_images_times_255(saved_model_dir, classifier):
    loaded, _signature = signature_of(saved_model_dir)
    pixels = np.random.default_rng(5).integers(0, 256, (7, 29, 31, 3), np.uint8)
    served = loaded.signatures["serve_uint8"]
    ((name, spec),) = served.structured_input_signature[1].items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("images", [None, 29, 31, 3], tf.uint8)
    answer = served(images=tf.constant(pixels))
    wanted = classifier(pixels.astype(np.float32) / 255.0, training=False).numpy()
    np.testing.assert_allclose(answer["logits"], wanted, atol=1e-5)
    exponentials = np.exp(wanted.astype(np.float64))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["probabilities"], probabilities, atol=1e-5)
    assert set(loaded.signatures) == {"serving_default", "serve_uint8"}


ALONE = """
import sys
for package in ("rnascl_tf", "teachers", "keras"):
    sys.modules[package] = None  # any import of it raises
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
images = np.load(sys.argv[2])
answers = model.signatures["serving_default"](images=tf.constant(images))
names = tf.io.read_file(model.class_names.asset_path).numpy().decode().splitlines()
np.savez(sys.argv[3], logits=answers["logits"], names=names)
"""


def test_a_process_without_this_package_can_use_a_student(tmp_path):
    student = keras.models.load_model(STUDENT)
    names = [f"Klasse {number} ä" for number in range(10)]
    exported = export_saved_model(student, tmp_path / "saved_model", names)
    moved = exported.rename(tmp_path / "elsewhere")
    images = np.random.default_rng(0).random((3, 32, 32, 3), np.float32)
    np.save(tmp_path / "images.npy", images)
    paths = [str(moved), str(tmp_path / "images.npy"), str(tmp_path / "answers.npz")]
    run = subprocess.run(
        [sys.executable, "-c", ALONE, *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    with np.load(tmp_path / "answers.npz") as answers:
        np.testing.assert_allclose(
            answers["logits"], student(images, training=False), rtol=1e-5, atol=1e-5
        )
        assert answers["names"].tolist() == names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "there are 2 class names for 3 logits"),
        (["a", "b\nc", "d"], "is not one line of text"),
        (["a", "", "d"], "'' is not one line"),
    ],
)
def test_class_names_that_do_not_fit_are_refused(tmp_path, names, message):
    with pytest.raises(DeployError, match=message):
        export_saved_model(constant_classifier(1.0), tmp_path / "saved_model", names)
    assert not list(tmp_path.iterdir())


def test_nothing_is_printed_and_the_model_is_left_alone(tmp_path, capfd):
    model = constant_classifier(1.0)
    names = [layer.name for layer in model.layers]
    written = export_saved_model(model, tmp_path / "deep" / "saved_model")
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""
    assert written == tmp_path / "deep" / "saved_model"
    assert [layer.name for layer in model.layers] == names
    assert [path.name for path in written.parent.iterdir()] == ["saved_model"]


def test_an_earlier_export_is_replaced(tmp_path):
    directory = tmp_path / "saved_model"
    export_saved_model(constant_classifier(1.0), directory)
    (directory / "labels.txt").write_text("of the first model")
    export_saved_model(constant_classifier(2.0), directory)
    assert answer_of(directory) == [2, 2, 2]
    assert not (directory / "labels.txt").exists()
    assert list(tmp_path.iterdir()) == [directory]


class Unexportable(keras.layers.Layer):
    """Works symbolically, fails when its graph is traced for an export."""

    def call(self, features):
        if not isinstance(features, keras.KerasTensor) and self.armed:
            raise RuntimeError("cannot be traced")
        return features

    armed = False


def test_a_failed_export_leaves_the_earlier_one(tmp_path, monkeypatch):
    directory = tmp_path / "saved_model"
    export_saved_model(constant_classifier(1.0), directory)
    images = keras.Input((5, 7, 3))
    broken = keras.Model(images, Unexportable()(keras.layers.GlobalAveragePooling2D()(images)))
    monkeypatch.setattr(Unexportable, "armed", True)
    with pytest.raises(RuntimeError, match="cannot be traced"):
        export_saved_model(broken, directory)
    assert answer_of(directory) == [1, 1, 1]
    assert list(tmp_path.iterdir()) == [directory]


def test_an_empty_folder_is_filled(tmp_path):
    export_saved_model(constant_classifier(1.0), tmp_path)
    assert answer_of(tmp_path) == [1, 1, 1]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_folder_is_never_replaced(tmp_path, kind):
    target = tmp_path / "precious"
    if kind == "folder":
        target.mkdir()
        kept = target / "notes.txt"
    else:
        kept = target
    kept.write_text("precious")
    with pytest.raises(DeployError, match="precious is not a SavedModel: remove it"):
        export_saved_model(constant_classifier(1.0), target)
    assert kept.read_text() == "precious"
