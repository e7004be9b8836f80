import numpy as np
import pytest

from teachers.layers.constant_layers import Clip, ConstantArithmetic, Divide, LowestPadding

FEATURES = np.random.default_rng(7).standard_normal((2, 5, 7, 3)).astype(np.float32)
CONSTANT = np.float32([0.5, -2, 3]).reshape(1, 1, 1, 3)


@pytest.mark.parametrize(
    ("operation", "reference"),
    [
        ("add", np.add),
        ("subtract", np.subtract),
        ("multiply", np.multiply),
        ("divide", np.divide),
    ],
)
@pytest.mark.parametrize("constant_first", [False, True])
def test_arithmetic_in_both_orders(operation, reference, constant_first):
    layer = ConstantArithmetic(operation, CONSTANT.shape, constant_first)
    layer.build(FEATURES.shape)
    layer.set_weights([CONSTANT])
    operands = (CONSTANT, FEATURES) if constant_first else (FEATURES, CONSTANT)
    np.testing.assert_allclose(layer(FEATURES), reference(*operands), rtol=1e-6)
    assert layer.trainable_weights == []


def test_an_unknown_operation_is_refused():
    with pytest.raises(ValueError, match=r"must be one of .*got 'power'"):
        ConstantArithmetic("power", ())


def test_divide():
    divisor = np.abs(FEATURES[:, :1, :1]) + 1
    np.testing.assert_allclose(Divide()([FEATURES, divisor]), FEATURES / divisor, rtol=1e-6)


@pytest.mark.parametrize("bounds", [(None, None), (-0.5, None), (None, 0.5), (-0.5, 0.5)])
def test_clip(bounds):
    wanted = FEATURES if bounds == (None, None) else np.clip(FEATURES, *bounds)
    np.testing.assert_array_equal(Clip(*bounds)(FEATURES), wanted)


def test_lowest_padding_never_wins_a_maximum():
    padded = np.asarray(LowestPadding(((1, 2), (0, 3)))(FEATURES))
    assert padded.shape == (2, 8, 10, 3)
    np.testing.assert_array_equal(padded[:, 1:6, :7], FEATURES)
    outside = np.ones(padded.shape, bool)
    outside[:, 1:6, :7] = False
    assert (padded[outside] < -1e38).all()
