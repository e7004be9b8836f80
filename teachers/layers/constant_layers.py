"""Small layers with constants, for ONNX operators for which Keras has no layer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

OPERATIONS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
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
        constant_shape: shape of the constant, which broadcasts against the features. The constant
            is the layer's only weight and is not trainable.
        constant_first: whether to compute `constant - features` instead of `features - constant`.

    Raises:
        ValueError: the operation is unknown.
    """

    def __init__(
        self,
        operation: str,
        constant_shape: Sequence[int],
        constant_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if operation not in OPERATIONS:
            raise ValueError(f"operation must be one of {[*OPERATIONS]}, got {operation!r}.")
        self.operation = operation
        self.constant_shape = tuple(constant_shape)
        self.constant_first = constant_first

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the constant, which is zeros until it is assigned."""
        del input_shape
        self.constant = self.add_weight(
            shape=self.constant_shape, initializer="zeros", trainable=False, name="constant"
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Combines features and constant; the result has their broadcast shape."""
        operands = (self.constant, features) if self.constant_first else (features, self.constant)
        return OPERATIONS[self.operation](*operands)

    def get_config(self) -> dict[str, Any]:
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

    def call(self, operands: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns operands[0] / operands[1], of their broadcast shape."""
        numerator, denominator = operands
        return keras.ops.divide(numerator, denominator)


@keras.saving.register_keras_serializable(package="teachers")
class Clip(keras.layers.Layer):
    """Limits features to [minimum, maximum]; None leaves that side open."""

    def __init__(
        self, minimum: float | None = None, maximum: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.minimum = minimum
        self.maximum = maximum

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the limited features, of the shape of `features`."""
        if self.minimum is not None:
            features = keras.ops.maximum(features, self.minimum)
        if self.maximum is not None:
            features = keras.ops.minimum(features, self.maximum)
        return features

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "minimum": self.minimum, "maximum": self.maximum}


@keras.saving.register_keras_serializable(package="teachers")
class LowestPadding(keras.layers.Layer):
    """Pads [batch, height, width, channels] with the lowest number, which is never a maximum.

    Args:
        padding: ((top, bottom), (left, right)) in pixels.
    """

    def __init__(self, padding: Sequence[Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = tuple(tuple(side) for side in padding)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the padded features [batch, height + top + bottom, width + left + right, C]."""
        lowest = float(tf.as_dtype(features.dtype).min)  # float32's would be -inf in bfloat16
        return keras.ops.pad(features, ((0, 0), *self.padding, (0, 0)), constant_values=lowest)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "padding": [list(side) for side in self.padding]}
