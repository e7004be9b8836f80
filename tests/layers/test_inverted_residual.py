"""The inverted residual block: shapes, taps, residual, padding, and the whole block in NumPy."""

import keras
import numpy as np
import pytest

from rnascl_tf.layers import inverted_residual_block

HEIGHT, WIDTH, CHANNELS = 7, 5, 3


def block(filters, stride, expansion, activation="hard_swish"):
    inputs = keras.Input((HEIGHT, WIDTH, CHANNELS))
    output, taps = inverted_residual_block(
        inputs,
        filters,
        stride,
        expansion,
        "block",
        momentum=0.9,
        seed=1,
        activation=activation,
    )
    model = keras.Model(inputs, {"output": output, "taps": taps})
    generator = np.random.default_rng(0)
    for variable in model.variables:
        low = 0.5 if "variance" in variable.name else -1.0
        variable.assign(generator.uniform(low, 1.5, variable.shape))
    return model


def images():
    return np.random.default_rng(2).normal(size=(2, HEIGHT, WIDTH, CHANNELS)).astype("float32")


def convolve(inputs, kernel, bias, stride, depthwise=False):
    """A convolution by loops in float64, zero padding of half the kernel on every side."""
    size = kernel.shape[0]
    padded = np.pad(inputs, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    rows = range(0, inputs.shape[1], stride)
    columns = range(0, inputs.shape[2], stride)
    pattern = "nhwc,hwcm->nc" if depthwise else "nhwc,hwco->no"
    pixels = [
        [np.einsum(pattern, padded[:, i : i + size, j : j + size], kernel) for j in columns]
        for i in rows
    ]
    return np.transpose(np.array(pixels), (2, 0, 1, 3)) + bias


def normalize(model, name, inputs):
    gamma, beta, mean, variance = (np.float64(w) for w in model.get_layer(name).get_weights())
    return (inputs - mean) / np.sqrt(variance + 1e-5) * gamma + beta


ACTIVATIONS = {
    "hard_swish": lambda values: values * np.clip(values + 3, 0, 6) / 6,
    "relu6": lambda values: np.clip(values, 0, 6),
    "relu": lambda values: np.maximum(values, 0),
}


def in_numpy(model, inputs, stride, expansion, residual, activation):
    activate = ACTIVATIONS[activation]
    hidden = inputs
    taps = []
    if expansion != 1:
        kernel, bias = (np.float64(w) for w in model.get_layer("block_expand_conv").get_weights())
        hidden = convolve(hidden, kernel, bias, 1)
        hidden = activate(normalize(model, "block_expand_bn", hidden))
        taps.append(hidden)
    kernel, bias = (np.float64(w) for w in model.get_layer("block_depthwise_conv").get_weights())
    hidden = convolve(hidden, kernel, bias, stride, depthwise=True)
    hidden = activate(normalize(model, "block_depthwise_bn", hidden))
    kernel, bias = (np.float64(w) for w in model.get_layer("block_project_conv").get_weights())
    output = normalize(model, "block_project_bn", convolve(hidden, kernel, bias, 1))
    taps += [hidden, output]
    return output + inputs if residual else output, taps


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("filters", "stride", "expansion", "residual"),
    [(CHANNELS, 1, 2, True), (CHANNELS, 2, 2, False), (2, 1, 3, False), (CHANNELS, 1, 1, True)],
)
def test_block_and_taps_against_numpy(filters, stride, expansion, residual, activation):
    model = block(filters, stride, expansion, activation)
    result = model(images(), training=False)
    inputs = images().astype("float64")
    expected, taps = in_numpy(model, inputs, stride, expansion, residual, activation)
    # Where the activations would not differ, a wrong one would pass.
    assert taps[0].min() < 0 or activation != "hard_swish"
    # float32 sums of up to 81 products of numbers around one.
    np.testing.assert_allclose(result["output"], expected, rtol=1e-4, atol=1e-4)
    assert len(result["taps"]) == len(taps) == (3 if expansion != 1 else 2)
    for tap, wanted in zip(result["taps"].values(), taps, strict=True):
        np.testing.assert_allclose(tap, wanted, rtol=1e-4, atol=1e-4)


def test_taps_are_named_in_order():
    names = list(block(2, 1, 2).output["taps"])
    assert names == ["block_expand", "block_depthwise", "block_project"]
