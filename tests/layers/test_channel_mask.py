"""ChannelMask against NumPy float64: the mask is the gates' weighted sum of first-f masks."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.layers import ChannelMask

FILTERS = (7, 5, 2)


def features(seed=0, channels=7):
    return np.random.default_rng(seed).normal(size=(2, 3, 5, channels)).astype("float32")


def reference(inputs, gate):
    mask = np.zeros(FILTERS[0])
    for weight, width in zip(np.float64(gate), FILTERS, strict=True):
        for channel in range(width):
            mask[channel] += weight
    return inputs.astype("float64") * mask


@pytest.mark.parametrize("training", [True, False])
def test_masks_by_the_gates_it_returns(training):
    layer = ChannelMask(FILTERS, seed=4)
    inputs = features()
    masked, gate = layer(inputs, training=training)
    np.testing.assert_allclose(masked, reference(inputs, gate.numpy()), rtol=1e-5, atol=1e-6)


def test_every_width_keeps_the_channels_of_all_narrower_ones():
    layer = ChannelMask(FILTERS)
    _, gate = layer(features(), training=True)
    masked, gate = layer(np.ones((1, 1, 1, 7), "float32"), training=True)
    # Channels 0 and 1 belong to every choice, so their mask is the sum of all gates.
    np.testing.assert_allclose(masked[0, 0, 0, :2], 1.0, atol=1e-6)
    assert (np.diff(masked[0, 0, 0]) <= 1e-7).all()
    assert float(masked[0, 0, 0, 6]) == pytest.approx(float(gate[0]), abs=1e-6)


@settings(max_examples=20)
@given(st.permutations([0.0, 1.0, 2.0]))
def test_inference_keeps_exactly_the_most_probable_width(logits):
    layer = ChannelMask(FILTERS)
    layer.gumbel.logits.assign([logits])
    masked, _ = layer(features(), training=False)
    width = FILTERS[int(np.argmax(logits))]
    np.testing.assert_array_equal(masked[..., :width], features()[..., :width])
    np.testing.assert_array_equal(masked[..., width:], 0.0)


def test_gradient_reaches_the_logits():
    layer = ChannelMask(FILTERS)
    with tf.GradientTape() as tape:
        masked, _ = layer(features(), training=True)
        loss = tf.reduce_sum(tf.square(masked))
    gradient = tape.gradient(loss, layer.gumbel.logits.value).numpy()
    assert (np.abs(gradient) > 0).all()
    # A softmax does not change when every logit moves by the same amount.
    assert gradient.sum() == pytest.approx(0.0, abs=1e-4 * float(np.abs(gradient).max()))


@pytest.mark.parametrize("filters", [(), (5, 7), (5, 5), (3, 0)])
def test_refuses_choices_that_are_not_strictly_decreasing(filters):
    with pytest.raises(ValueError, match="strictly decreasing"):
        ChannelMask(filters)


def test_refuses_features_of_another_width():
    with pytest.raises(ValueError, match=r"masks 7 channels .* have 5"):
        ChannelMask(FILTERS)(features(channels=5))
