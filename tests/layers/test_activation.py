import keras
import numpy as np
import pytest

from rnascl_tf.layers.activation import ACTIVATIONS, activate

POINTS = np.linspace(-9, 9, 13)[None]
WANTED = {
    "hard_swish": POINTS * np.clip(POINTS + 3, 0, 6) / 6,
    "relu6": np.clip(POINTS, 0, 6),
    "relu": np.maximum(POINTS, 0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_computes_what_its_name_says(name):
    inputs = keras.Input((13,))
    model = keras.Model(inputs, activate(inputs, name, "some"))
    assert model.layers[-1].name == "some"
    np.testing.assert_allclose(model(POINTS), WANTED[name], rtol=1e-6, atol=1e-6)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="'swish': give one of hard_swish, relu6, relu"):
        activate(keras.Input((3,)), "swish", "some")
