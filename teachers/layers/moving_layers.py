"""Small layers that move, repeat or reduce numbers, for ONNX operators for which Keras has no layer.

Axes are counted as Keras counts them: axis 0 is the batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

REDUCTIONS: dict[str, Callable[..., tf.Tensor]] = {"mean": keras.ops.mean, "max": keras.ops.max}


@keras.saving.register_keras_serializable(package="teachers")
class Padding(keras.layers.Layer):
    """Pads any axes but the batch.

    Args:
        padding: (before, after) for each axis but the batch.
        value: number to pad with in mode "constant".
        mode: "constant" or "reflect".
    """

    def __init__(
        self,
        padding: Sequence[Sequence[int]],
        value: float = 0.0,
        mode: str = "constant",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.padding = tuple(tuple(sides) for sides in padding)
        self.value = value
        self.mode = mode

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the padded features, each axis longer by before + after."""
        options = {"constant_values": self.value} if self.mode == "constant" else {}
        return keras.ops.pad(features, ((0, 0), *self.padding), self.mode, **options)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        padding = [list(sides) for sides in self.padding]
        return {**super().get_config(), "padding": padding, "value": self.value, "mode": self.mode}


@keras.saving.register_keras_serializable(package="teachers")
class StridedSlice(keras.layers.Layer):
    """Takes every step-th element of a range of each axis but the batch.

    Args:
        ranges: (start, stop, step) for each axis but the batch, as `slice.indices` gives them. With
            a negative step the stop may be -1, before the first element.
    """

    def __init__(self, ranges: Sequence[Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ranges = tuple(tuple(numbers) for numbers in ranges)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the elements taken."""
        slices = [
            slice(start, None if stop < 0 else stop, step) for start, stop, step in self.ranges
        ]
        return features[(slice(None), *slices)]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "ranges": [list(numbers) for numbers in self.ranges]}


@keras.saving.register_keras_serializable(package="teachers")
class Reduction(keras.layers.Layer):
    """Takes the mean or the maximum over some axes.

    Args:
        operation: "mean" or "max".
        axes: any but the batch.
        keepdims: whether the axes stay, with one element.

    Raises:
        ValueError: the operation is unknown.
    """

    def __init__(
        self, operation: str, axes: Sequence[int], keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if operation not in REDUCTIONS:
            raise ValueError(f"operation must be one of {[*REDUCTIONS]}, got {operation!r}.")
        self.operation = operation
        self.axes = tuple(axes)
        self.keepdims = keepdims

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the means or maxima."""
        return REDUCTIONS[self.operation](features, axis=self.axes, keepdims=self.keepdims)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "operation": self.operation,
            "axes": list(self.axes),
            "keepdims": self.keepdims,
        }


@keras.saving.register_keras_serializable(package="teachers")
class RepeatedConstant(keras.layers.Layer):
    """A stored constant, once for each image of a batch.

    Args:
        constant_shape: its shape for one image. It is the layer's only weight and is not trainable.
    """

    def __init__(self, constant_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.constant_shape = tuple(constant_shape)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the constant, which is zeros until it is assigned."""
        del input_shape
        self.constant = self.add_weight(
            shape=self.constant_shape, initializer="zeros", trainable=False, name="constant"
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the constant [N, ...] for the N images of `features`."""
        batch = keras.ops.shape(features)[0]
        return keras.ops.broadcast_to(self.constant, (batch, *self.constant_shape))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Returns the batch size and the constant's shape."""
        return (input_shape[0], *self.constant_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "constant_shape": list(self.constant_shape)}
