import keras
import numpy as np
import pytest

from teachers.layers.moving_layers import Padding, Reduction, RepeatedConstant, StridedSlice

FEATURES = np.random.default_rng(7).standard_normal((2, 5, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_padding_by_a_constant(value):
    pads = ((1, 2), (0, 3), (2, 0))
    wanted = np.pad(FEATURES, ((0, 0), *pads), constant_values=value)
    np.testing.assert_array_equal(Padding(pads, value)(FEATURES), wanted)


def test_padding_by_reflection():
    pads = ((1, 2), (0, 3), (0, 0))
    wanted = np.pad(FEATURES, ((0, 0), *pads), "reflect")
    np.testing.assert_array_equal(Padding(pads, mode="reflect")(FEATURES), wanted)


def test_strided_slice_in_both_directions():
    ranges = [slice(4, None, -3).indices(5), slice(1, 6, 2).indices(7), slice(None).indices(3)]
    wanted = FEATURES[:, 4::-3, 1:6:2]
    np.testing.assert_array_equal(StridedSlice(ranges)(FEATURES), wanted)


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("axes", [(1,), (3,), (1, 3), (1, 2, 3)])
def test_reductions(axes, keepdims):
    for operation, reference in (("mean", np.mean), ("max", np.max)):
        wanted = reference(FEATURES.astype(np.float64), axis=axes, keepdims=keepdims)
        computed = Reduction(operation, axes, keepdims)(FEATURES)
        np.testing.assert_allclose(computed, wanted, atol=1e-6)
    with pytest.raises(ValueError, match=r"must be one of .*got 'sum'"):
        Reduction("sum", axes)


def test_a_constant_for_each_image():
    layer = RepeatedConstant((5, 7))
    images = keras.Input((3, 3, 1))
    model = keras.Model(images, layer(images))
    layer.set_weights([FEATURES[0, :, :, 0]])
    assert model.output_shape == (None, 5, 7)
    for batch in (1, 3):
        computed = model(np.zeros((batch, 3, 3, 1), np.float32))
        np.testing.assert_array_equal(computed, np.stack([FEATURES[0, :, :, 0]] * batch))
    assert layer.trainable_weights == []
