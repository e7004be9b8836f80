"""Per-channel normalisation of pixels, (image - mean) / std: the first layer inside every model.

Models take images in [0, 1] and attacks measure epsilon there, so normalisation belongs to the model
and not to the data pipeline: docs/design.md, "Contracts".
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="teachers")
class PixelNormalization(keras.layers.Layer):
    """Subtracts a mean from each channel and divides by a standard deviation.

    Args:
        mean: one number per channel, in pixel units of [0, 1].
        std: one positive number per channel, in the same units.

    Raises:
        ValueError: lengths differ or are zero, a number is not finite, or a standard deviation
            is not positive; on build, if the images' channels do not match.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean = [float(value) for value in mean]
        self.std = [float(value) for value in std]
        if not self.mean or len(self.mean) != len(self.std):
            raise ValueError(
                f"mean and std need one number per channel each, got {self.mean} and {self.std}."
            )
        if not all(math.isfinite(value) for value in self.mean + self.std):
            raise ValueError(f"mean and std must be finite, got {self.mean} and {self.std}.")
        if min(self.std) <= 0:
            raise ValueError(f"std must be positive in every channel, got {self.std}.")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Checks that there is one mean per channel; the layer has no weights."""
        channels = input_shape[-1]
        if channels != len(self.mean):
            raise ValueError(
                f"mean has {len(self.mean)} numbers but the images have {channels} channels; "
                "give one number per channel."
            )
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns (images - mean) / std, shape and dtype of `images`."""
        mean = keras.ops.convert_to_tensor(self.mean, dtype=images.dtype)
        std = keras.ops.convert_to_tensor(self.std, dtype=images.dtype)
        return (images - mean) / std

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Sequence[int | None]:
        """Returns `input_shape`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain lists."""
        return {**super().get_config(), "mean": self.mean, "std": self.std}
