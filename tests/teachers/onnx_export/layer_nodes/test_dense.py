import keras
import pytest


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_dense(bias, activation, agreed):
    def write(features):
        flat = keras.layers.GlobalAveragePooling2D()(features)
        return keras.layers.Dense(7, activation, use_bias=bias, name="some")(flat)

    nodes = agreed(write)
    assert nodes["some"].op_type == "Gemm"
    assert len(nodes["some"].input) == 2 + bias
    assert ("some.activation" in nodes) == (activation is not None)


def test_dense_on_images_is_refused(refusal):
    message = refusal(keras.layers.Dense(7, name="some"))
    assert "Dense: it reads rank 4, wanted flat features (at some)" in message
