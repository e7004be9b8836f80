import keras
import numpy as np
import pytest

from rnascl_tf.networks import build_student
from rnascl_tf.robustness.folding import folded

IMAGES = np.random.default_rng(1).random((5, 32, 32, 3), np.float32)


def shake(model, seed=0):
    """Moves every weight, so that no batch norm is the identity."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([generator.uniform(0.5, 2.0, shape) for _ in range(4)])


def student():
    architecture = {
        "space": "S3",
        "filters": [[16, 12, 16], [32, 20, 28], [52, 60, 56]],
        "num_classes": 7,
        "input_shape": [32, 32, 3],
    }
    model = build_student(architecture)
    shake(model)
    # The head of a fresh student is all but zero.
    model.layers[-1].kernel.assign(np.random.default_rng(2).normal(size=(56, 7)))
    return model


def test_a_student_folds_whole_and_stays_the_same_function():
    model = student()
    copy, count = folded(model, IMAGES)
    assert count == 28  # every convolution of S3 has its batch norm
    assert not [
        layer for layer in copy.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    wanted = model.predict(IMAGES, verbose=0)
    assert abs(wanted).max() > 1.0
    np.testing.assert_allclose(copy.predict(IMAGES, verbose=0), wanted, rtol=0, atol=1e-5)


def test_a_sequential_model_folds_too():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(5, 3),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7),
        ]
    )
    shake(model)
    for _ in range(2):
        copy, count = folded(model, IMAGES)
        assert count == 2
        wanted = model(IMAGES).numpy()
        # The size of the largest logit, to which the tolerance of 1e-5 refers.
        np.testing.assert_allclose(copy(IMAGES), wanted, rtol=0, atol=1e-5 * abs(wanted).max())
        shake(model, seed=3)


def test_new_weights_reach_the_same_copy():
    model = student()
    copy, _ = folded(model, IMAGES)
    before = copy(IMAGES).numpy()
    shake(model, seed=1)
    again, _ = folded(model, IMAGES)
    assert again is copy
    assert abs(copy(IMAGES).numpy() - before).max() > 0.1
    np.testing.assert_allclose(copy(IMAGES), model(IMAGES), rtol=0, atol=1e-4)


def network(middle, inputs=None):
    images = inputs if inputs is not None else keras.Input((32, 32, 3))
    features = keras.layers.GlobalAveragePooling2D()(middle(images))
    return keras.Model(images, keras.layers.Dense(7)(features))


def shared_output(images):
    convolved = keras.layers.Conv2D(5, 3)(images)
    return keras.layers.Add()([convolved, keras.layers.BatchNormalization()(convolved)])


def before_convolution(images):
    return keras.layers.Conv2D(5, 3)(keras.layers.BatchNormalization()(images))


def activation_between(images):
    return keras.layers.BatchNormalization()(keras.layers.Conv2D(5, 3, activation="relu")(images))


def shared_convolution(images):
    convolution = keras.layers.Conv2D(3, 3, padding="same")
    first = keras.layers.BatchNormalization()(convolution(images))
    return keras.layers.BatchNormalization()(convolution(first))


def no_batch_norm(images):
    return keras.layers.Conv2D(5, 3)(images)


@pytest.mark.parametrize(
    "middle",
    [shared_output, before_convolution, activation_between, shared_convolution, no_batch_norm],
    ids=lambda function: function.__name__,
)
def test_what_cannot_be_folded_is_left_alone(middle):
    model = network(middle)
    shake(model)
    assert folded(model, IMAGES) == (model, 0)


@pytest.mark.parametrize("options", [{"use_bias": False}, {"groups": 3}])
def test_convolutions_of_other_kinds(options):
    def middle(images):
        features = keras.layers.Conv2D(6, 3, **options)(images)
        features = keras.layers.BatchNormalization(scale="groups" not in options)(features)
        features = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(features)
        return keras.layers.BatchNormalization(center=False, name="last")(features)

    model = network(middle)
    generator = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    copy, count = folded(model, IMAGES)
    assert count == 2
    np.testing.assert_allclose(copy(IMAGES), model(IMAGES), rtol=1e-5)


def test_a_copy_that_is_not_exact_is_not_used():
    # A variance of 0 with a large gain turns float32's rounding into large differences.
    def middle(images):
        return keras.layers.BatchNormalization(epsilon=1e-12)(keras.layers.Conv2D(5, 3)(images))

    model = network(middle)
    model.layers[2].moving_variance.assign(np.zeros(5))
    model.layers[2].moving_mean.assign(np.full(5, 1e5))
    model.layers[1].bias.assign(np.full(5, 1e5))
    assert folded(model, IMAGES) == (model, 0)


def test_functions_and_subclassed_models_are_left_alone():
    class Subclassed(keras.Model):
        def call(self, images):
            return images

    model = Subclassed()
    assert folded(model, IMAGES) == (model, 0)
    assert folded(len, IMAGES) == (len, 0)
