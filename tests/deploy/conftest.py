"""A small classifier of unequal prime sizes, exported once for all tests of this folder."""

import keras
import numpy as np
import pytest

from rnascl_tf.deploy import KINDS, convert_each, export_saved_model


def build_classifier(classes=5):
    """conv 3x3 stride 2 -> depthwise 3x3 -> conv 1x1, twice -> dense, with all that a student has.

    Batch norms get random statistics, so that a model exported in training mode answers otherwise.
    """
    layers = keras.layers
    keras.utils.set_random_seed(11)
    images = keras.Input((29, 31, 3))
    features = layers.Normalization(mean=(0.49, 0.48, 0.44), variance=(0.06, 0.05, 0.07))(images)
    features = layers.ZeroPadding2D(1)(features)
    features = layers.Conv2D(7, 3, strides=2)(features)
    features = layers.Activation("hard_silu")(layers.BatchNormalization()(features))
    features = layers.DepthwiseConv2D(3, padding="same")(features)
    features = layers.Activation("hard_silu")(layers.BatchNormalization()(features))
    features = layers.Conv2D(37, 1)(features)
    features = layers.Activation("hard_silu")(layers.BatchNormalization()(features))
    # 37 * 31 weights: TFLite leaves fewer than 1024 in float32 where it quantises weights alone.
    features = layers.BatchNormalization()(layers.Conv2D(31, 1)(features))
    logits = layers.Dense(classes)(layers.GlobalAveragePooling2D()(features))
    model = keras.Model(images, logits)
    random = np.random.default_rng(11)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    # Logits of several units, centred, so that the images fall into different classes.
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([20 * kernel, bias])
    logits = model.predict(random_images(50, seed=0), verbose=0)
    model.layers[-1].set_weights([20 * kernel, bias - logits.mean(axis=0)])
    return model


def random_images(count, seed):
    """Float32 [count, 29, 31, 3] in [0, 1], each of its own colour, with noise."""
    random = np.random.default_rng(seed)
    colors = random.uniform(0, 1, (count, 1, 1, 3))
    noise = random.uniform(-0.3, 0.3, (count, 29, 31, 3))
    return np.clip(colors + noise, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def classifier():
    return build_classifier()


@pytest.fixture(scope="session")
def images():
    return random_images(53, seed=2)


@pytest.fixture(scope="session")
def keras_logits(classifier, images):
    return classifier.predict(images, verbose=0)


@pytest.fixture(scope="session")
def saved_model_dir(classifier, tmp_path_factory):
    return export_saved_model(classifier, tmp_path_factory.mktemp("export") / "saved_model")


@pytest.fixture(scope="session")
def calibration():
    return random_images(211, seed=3)


@pytest.fixture(scope="session")
def tflite_files(saved_model_dir, calibration):
    return dict(convert_each(saved_model_dir, KINDS, calibration))
