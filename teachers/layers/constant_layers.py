"""Small Keras layers for ONNX operators that Keras has no layer for; they save and reload."""

import keras
import numpy as np

OPERATIONS = {
    "add": keras.ops.add,
    "subtract": keras.ops.subtract,
    "multiply": keras.ops.multiply,
    "divide": keras.ops.divide,
}


@keras.saving.register_keras_serializable(package="teachers")
class ConstantArithmetic(keras.layers.Layer):
    """Adds, subtracts, multiplies or divides by a stored constant.

    Args:
        operation: "add", "subtract", "multiply" or "divide".
        constant_shape: shape of the constant, broadcast against the features' shape; the constant
            itself is the layer's only, non-trainable, weight.
        constant_first: compute `constant - features` instead of `features - constant`.

    Raises:
        ValueError: the operation is unknown.
    """

    def __init__(self, operation, constant_shape, constant_first=False, **kwargs):
        super().__init__(**kwargs)
        if operation not in OPERATIONS:
            raise ValueError(f"operation must be one of {[*OPERATIONS]}, got {operation!r}.")
        self.operation = operation
        self.constant_shape = tuple(constant_shape)
        self.constant_first = constant_first

    def build(self, input_shape):
        """Makes the constant, zeros until it is assigned."""
        del input_shape
        self.constant = self.add_weight(
            shape=self.constant_shape, initializer="zeros", trainable=False, name="constant"
        )

    def call(self, features):
        """Returns features and constant combined, of their broadcast shape."""
        operands = (self.constant, features) if self.constant_first else (features, self.constant)
        return OPERATIONS[self.operation](*operands)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "operation": self.operation,
            "constant_shape": list(self.constant_shape),
            "constant_first": self.constant_first,
        }


@keras.saving.register_keras_serializable(package="teachers")
class Divide(keras.layers.Layer):
    """Divides the first of two tensors by the second, broadcasting."""

    def call(self, operands):
        """Returns operands[0] / operands[1], of their broadcast shape."""
        numerator, denominator = operands
        return keras.ops.divide(numerator, denominator)


@keras.saving.register_keras_serializable(package="teachers")
class Clip(keras.layers.Layer):
    """Limits features to [minimum, maximum]; None leaves that side open."""

    def __init__(self, minimum=None, maximum=None, **kwargs):
        super().__init__(**kwargs)
        self.minimum = minimum
        self.maximum = maximum

    def call(self, features):
        """Returns the limited features, of the shape of `features`."""
        if self.minimum is not None:
            features = keras.ops.maximum(features, self.minimum)
        if self.maximum is not None:
            features = keras.ops.minimum(features, self.maximum)
        return features

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "minimum": self.minimum, "maximum": self.maximum}


@keras.saving.register_keras_serializable(package="teachers")
class LowestPadding(keras.layers.Layer):
    """Pads [batch, height, width, channels] by the lowest number, which no maximum ever picks.

    Args:
        padding: ((top, bottom), (left, right)) in pixels.
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = tuple(tuple(side) for side in padding)

    def call(self, features):
        """Returns the padded features [batch, height + top + bottom, width + left + right, C]."""
        lowest = float(np.finfo(np.float32).min)
        return keras.ops.pad(features, ((0, 0), *self.padding, (0, 0)), constant_values=lowest)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "padding": [list(side) for side in self.padding]}
