"""A model that computes in bfloat16."""

import keras

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.layers.constant_layers import ConstantArithmetic


def model_in_bfloat16(model: keras.Model) -> keras.Model:
    """Returns a copy of a functional model whose layers compute in bfloat16, weights in float32.

    Pixels are normalised in float32, because their 8 bits would not survive a subtraction in
    bfloat16.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        settings = layer.get_config()
        if isinstance(layer, keras.layers.Layer) and not isinstance(
            layer, PixelNormalization | ConstantArithmetic | keras.layers.InputLayer
        ):  # an operation, such as x * 2.0, computes in what it is given
            settings["dtype"] = "mixed_bfloat16"
        return layer.__class__.from_config(settings)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    copy.trainable = False
    return copy
