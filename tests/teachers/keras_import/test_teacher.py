import hashlib

import keras
import numpy as np
import pytest

import teachers


@pytest.fixture
def model():
    return teachers.resnet(
        4, (7, 11, 3), (2, 3), (1, 1), mean=(0.1, 0.4, 0.7), std=(0.2, 0.3, 0.5), seed=3
    )


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "teacher.keras")
    return tmp_path / "teacher.keras"


def test_a_file_and_the_model_it_was_saved_from(model, path, images):
    loaded, made = teachers.load_keras(path), teachers.from_keras(model)
    assert loaded.name == "teacher"
    assert made.name == "resnet"
    assert loaded.tap_names == made.tap_names
    assert len(made.tap_names) == 5
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(loaded.signals(images).maps, made.signals(images).maps)
    # Fused kernels of the graph round otherwise than eager ones.
    wanted = model(images, training=False)
    np.testing.assert_allclose(made.signals(images).logits, wanted, atol=1e-6)


def test_verification_compares_logits_with_the_untapped_model(path, images):
    verification = teachers.load_keras(path).verify(images)
    assert set(verification.errors) == {"logits"}
    assert verification.largest == 0
    assert verification.reference == "the untapped model"


def test_digest_of_a_model_follows_its_weights(model):
    before = teachers.from_keras(model).sha256
    assert teachers.from_keras(model).sha256 == before
    model.layers[-1].bias.assign_add(np.float32([0, 0, 1, 0]))
    assert teachers.from_keras(model).sha256 != before


def test_the_models_layers_are_frozen(model):
    teachers.from_keras(model)
    assert model.trainable_variables == []


def test_taps_can_be_chosen(model):
    assert len(teachers.from_keras(model, taps="all").tap_names) == 6
    assert teachers.from_keras(model, taps="shortcut").tap_names == ("stage2_block1_shortcut_conv",)


def test_sequential_models_are_welcome(images):
    model = keras.Sequential(
        [
            keras.Input((7, 11, 3)),
            keras.layers.Conv2D(5, 3, name="only"),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )
    teacher = teachers.from_keras(model)
    assert teacher.tap_names == ("only",)
    np.testing.assert_allclose(teacher.signals(images).logits, model(images), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"num_classes": 10}, "has 4 classes, wanted 10"),
        ({"input_shape": (32, 32, 3)}, "takes images of 7x11x3, wanted 32x32x3"),
        ({"attention_size": 0}, "attention_size must be at least 1"),
    ],
)
def test_what_the_caller_expects_is_checked(arguments, reason, path, model):
    with pytest.raises(teachers.TeacherError, match=reason):
        teachers.load_keras(path, **arguments)
    with pytest.raises(teachers.TeacherError, match=reason):
        teachers.from_keras(model, **arguments)


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 99, b"PK\x05\x06" + bytes(18)])
def test_files_that_are_not_a_keras_model(content, tmp_path):
    path = tmp_path / "teacher.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(teachers.TeacherError, match=r"not a (file|Keras model)") as failure:
        teachers.load_keras(path)
    assert "\n" not in str(failure.value)


def classifier(last, size=(7, 11, 3)):
    return [keras.Input(size), keras.layers.Conv2D(5, 3), keras.layers.GlobalMaxPooling2D(), *last]


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Subclassed(), "not a functional Keras model"),
        (lambda: keras.Sequential([keras.layers.Conv2D(5, 3)]), "not a functional Keras model"),
        (lambda: keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)]), "convolutional"),
        (lambda: keras.Sequential(classifier([])[:2]), "convolutional"),
        (lambda: keras.Sequential(classifier([], (None, None, 3))), "of fixed size"),
        (
            lambda: keras.Sequential(classifier([keras.layers.Dense(4, activation="softmax")])),
            "ends in a softmax at 'dense.*activation=None",
        ),
        (lambda: keras.Sequential(classifier([keras.layers.Softmax()])), "ends in a softmax"),
    ],
)
def test_models_that_are_not_teachers_are_refused(make, reason):
    with pytest.raises(teachers.TeacherError, match=reason):
        teachers.from_keras(make())
