from functools import partial

import keras
import numpy as np
import pytest

from teachers.native.blocks import basic_block, bottleneck_block, preactivation_block
from teachers.native.layers import SeededLayers

SIZE = (7, 11)
CHANNELS = 6
bottleneck = partial(bottleneck_block, expansion=3)


def built(block, filters, stride, size=SIZE):
    inputs = keras.Input((*size, CHANNELS))
    outputs = block(SeededLayers(1, 0.9), inputs, filters, stride, "block")
    return keras.Model(inputs, outputs)


def kernels(model):
    """Returns (name, height, filters, stride) of every convolution."""
    return [
        (layer.name.removeprefix("block_"), layer.kernel_size[0], layer.filters, layer.strides[0])
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]


@pytest.mark.parametrize("block", [basic_block, preactivation_block])
def test_two_convolutions(block):
    assert set(kernels(built(block, CHANNELS, 1))) == {
        ("first_conv", 3, CHANNELS, 1),
        ("second_conv", 3, CHANNELS, 1),
    }
    assert set(kernels(built(block, 5, 2))) == {
        ("first_conv", 3, 5, 2),
        ("second_conv", 3, 5, 1),
        ("shortcut_conv", 1, 5, 2),
    }


def test_bottleneck_strides_in_its_3x3_convolution():
    assert set(kernels(built(bottleneck, 5, 2))) == {
        ("first_conv", 1, 5, 1),
        ("second_conv", 3, 5, 2),
        ("third_conv", 1, 15, 1),
        ("shortcut_conv", 1, 15, 2),
    }
    assert "block_shortcut_conv" not in [layer.name for layer in built(bottleneck, 2, 1).layers]


@pytest.mark.parametrize("block", [basic_block, bottleneck, preactivation_block])
@pytest.mark.parametrize(("stride", "size"), [(1, (7, 11)), (2, (4, 6))])
def test_resolution(block, stride, size):
    assert built(block, 5, stride).output_shape[1:3] == size


@pytest.mark.parametrize("block", [basic_block, bottleneck, preactivation_block])
def test_a_stride_projects_even_where_it_changes_no_size(block):
    filters = 2 if block is bottleneck else CHANNELS
    model = built(block, filters, 2, size=(1, 1))
    assert "block_shortcut_conv" in [layer.name for layer in model.layers]


@pytest.mark.parametrize("block", [basic_block, bottleneck, preactivation_block])
def test_without_a_residual_the_shortcut_is_left(block, generator):
    model = built(block, 2 if block is bottleneck else CHANNELS, 1)
    last = {basic_block: "second", bottleneck: "third", preactivation_block: "second"}[block]
    convolution = model.get_layer(f"block_{last}_conv")
    convolution.set_weights([np.zeros_like(convolution.get_weights()[0])])
    features = generator.standard_normal((2, *SIZE, CHANNELS)).astype(np.float32)
    # Post-activation blocks end in a relu, pre-activation ones pass their input untouched.
    wanted = features if block is preactivation_block else np.maximum(features, 0)
    np.testing.assert_allclose(model(features), wanted, atol=1e-6)


def test_a_preactivation_projection_reads_the_activated_input(generator):
    model = built(preactivation_block, 5, 1)
    convolution = model.get_layer("block_second_conv")
    convolution.set_weights([np.zeros_like(convolution.get_weights()[0])])
    features = generator.standard_normal((2, *SIZE, CHANNELS)).astype(np.float32)
    (kernel,) = model.get_layer("block_shortcut_conv").get_weights()
    wanted = np.maximum(features / np.sqrt(1 + 1e-5), 0) @ kernel[0, 0]
    np.testing.assert_allclose(model(features), wanted, atol=1e-5)
