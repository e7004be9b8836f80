import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.guard import check_examples, check_model
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

THREAT_MODEL = ThreatModel(8 / 255)
IMAGES = np.random.default_rng(5).random((11, 5, 7, 3), np.float32)
LABELS = np.arange(11) % 4


def changed(images, value):
    copy = images.copy()
    copy[6, 1, 2, 0] = value
    return copy


def test_good_examples_come_back_unchanged():
    images, labels = check_examples(IMAGES, LABELS.astype(np.uint8), THREAT_MODEL)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64


def test_tensors_are_taken_too():
    images, labels = check_examples(tf.constant(IMAGES), tf.constant(LABELS), THREAT_MODEL)
    assert isinstance(images, np.ndarray)
    assert isinstance(labels, np.ndarray)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((IMAGES * 255).astype(np.uint8), r"uint8 in 0\.\.255.*/ 255"),
        (IMAGES.astype(np.float64), "float64; float32"),
        (IMAGES * 255, "range from .* divide by 255"),
        (IMAGES * 4 - 2, "undo the normalization"),
        (changed(IMAGES, -0.01), "range from -0.01 to"),
        (changed(IMAGES, 1.01), "range from .* to 1.01"),
        (changed(IMAGES, np.nan), "NaN"),
        (changed(IMAGES, np.inf), "infinity"),
        (IMAGES[0], r"shape \(5, 7, 3\).*images\[None\]"),
        (IMAGES[:0], "zero images"),
        (IMAGES.transpose(0, 3, 1, 2), r"channels first.*transpose\(0, 2, 3, 1\)"),
    ],
)
def test_refused_images(images, message):
    with pytest.raises(RobustnessError, match=message) as refusal:
        check_examples(images, LABELS[: len(images)], THREAT_MODEL)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "labels are missing"),
        (np.eye(4)[LABELS], r"one-hot.*argmax"),
        (LABELS[:, None], r"reshape\(-1\)"),
        (LABELS.astype(np.float32), "float32; whole class numbers"),
        (LABELS[:7], "11 images came with 7 labels"),
        (LABELS - 1, "lowest label is -1"),
    ],
)
def test_refused_labels(labels, message):
    with pytest.raises(RobustnessError, match=message) as refusal:
        check_examples(IMAGES, labels, THREAT_MODEL)
    assert "\n" not in str(refusal.value)


def test_narrower_bounds_are_the_limit():
    with pytest.raises(RobustnessError, match=r"\[0\.25, 0\.75\]"):
        check_examples(IMAGES, LABELS, ThreatModel(0.1, bounds=(0.25, 0.75)))


WEIGHTS = np.random.default_rng(2).normal(size=(105, 4)).astype(np.float32)


def linear(images):
    return tf.reshape(images, (-1, 105)) @ WEIGHTS


def softmax(images):
    return tf.nn.softmax(linear(images))


def not_a_number(images):
    return linear(images) + tf.constant([0.0, np.nan, 0.0, 0.0])


def random_logits(images):
    return linear(images) + tf.random.normal((4,))


def batch_centred(images):
    logits = linear(images)
    return logits - tf.reduce_mean(logits, axis=0)


def one_output(images):
    return linear(images)[:, :1]


def summed_over_the_batch(images):
    return tf.reduce_sum(linear(images), axis=0, keepdims=True)


def wrong_size(images):
    return tf.reshape(images, (-1, 107)) @ tf.ones((107, 4))


def leaves_tensorflow(images):
    return images.numpy()[:, 0, 0]


def test_a_good_model_passes():
    check_model(logits_function(linear).compiled, IMAGES, LABELS)


def test_uniform_probabilities_are_softmax_too():
    def uniform(images):
        return softmax(images * 0.0)

    with pytest.raises(RobustnessError, match="probabilities"):
        check_model(logits_function(uniform).compiled, IMAGES, LABELS)


def half_precision_softmax(images):
    return tf.nn.softmax(tf.cast(linear(images), tf.bfloat16))


def full_integer_softmax(images):
    return tf.round(softmax(images) * 256.0) / 256.0


@pytest.mark.parametrize("model", [half_precision_softmax, full_integer_softmax])
def test_rounded_probabilities_are_softmax_too(model):
    sums = model(IMAGES).numpy().astype("float64").sum(axis=1)
    assert abs(sums - 1.0).max() > 1e-4
    with pytest.raises(RobustnessError, match="probabilities"):
        check_model(logits_function(model).compiled, IMAGES, LABELS)


def test_logits_that_are_not_probabilities_pass():
    """Not negative, but with other sums than 1; and sums of 1 with negative ones among them."""

    def off_the_whole(images):
        return softmax(images) * (1.0 + 0.5 * images[:, 0, 0, :1])

    def centred(images):
        logits = linear(images)
        return logits - tf.reduce_mean(logits, axis=1, keepdims=True) + 0.25

    for model in (off_the_whole, centred):
        check_model(logits_function(model).compiled, IMAGES, LABELS)


def test_random_numbers_drawn_in_python_are_seen():
    generator = np.random.default_rng(7)

    def noisy(images):
        return linear(images) + generator.normal(size=4).astype(np.float32)

    logits = logits_function(noisy)
    check_model(logits.compiled, IMAGES, LABELS)  # the graph repeats what it was traced with
    with pytest.raises(RobustnessError, match="outside its compiled graph"):
        check_model(logits.compiled, IMAGES, LABELS, eager_logits=logits.eager)
    with pytest.raises(RobustnessError, match="outside its compiled graph"):
        Attacker(noisy, IMAGES, LABELS, ThreatModel(0.1))


def test_no_randomness_no_refusal():
    logits = logits_function(linear)
    check_model(logits.compiled, IMAGES, LABELS, eager_logits=logits.eager)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (softmax, r"probabilities.*logits before it"),
        (not_a_number, "NaN"),
        (random_logits, "between two calls"),
        (batch_centred, r"other images of the batch.*training=False"),
        (one_output, "1 output"),
        (summed_over_the_batch, "1 rows for 11 images"),
        (wrong_size, r"fails on images of shape \(11, 5, 7, 3\); check the image size"),
        (leaves_tensorflow, "TensorFlow operations"),
    ],
)
def test_refused_models(model, message):
    with pytest.raises(RobustnessError, match=message) as refusal:
        check_model(logits_function(model).compiled, IMAGES, LABELS)
    assert "\n" not in str(refusal.value)


def test_label_beyond_the_classes():
    with pytest.raises(RobustnessError, match=r"highest label is 4, the model has 4 classes"):
        check_model(logits_function(linear).compiled, IMAGES, LABELS + 1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.BatchNormalization(), "other images of the batch"),
        (keras.layers.Dropout(0.5), "between two calls"),
    ],
)
def test_a_model_in_training_mode(layer, message):
    model = keras.Sequential(
        [keras.Input((5, 7, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(4)]
    )

    def training_mode(images):
        return model(images, training=True)

    with pytest.raises(RobustnessError, match=message):
        check_model(logits_function(training_mode).compiled, IMAGES, LABELS)
    check_model(logits_function(model).compiled, IMAGES, LABELS)
