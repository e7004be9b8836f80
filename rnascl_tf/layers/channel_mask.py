"""Searched number of filters of one block, by masking channels (paper, section 3; FBNetV2).

The block runs at its widest width; its output is multiplied by sum_i g_i mask_i, where mask_i keeps
the first f_i channels and g is one Gumbel-softmax vector per block and forward pass. The cost of the
forward pass does not grow with the number of choices.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.layers.gumbel import GumbelSoftmax


@keras.saving.register_keras_serializable(package="rnascl_tf")
class ChannelMask(keras.layers.Layer):
    """Multiplies features by a weighted sum of first-f-channels masks.

    Args:
        filters: the choices f_i, positive integers, widest first and all different.
        noise: noise of the Gumbel-softmax, see `GumbelSoftmax`.
        seed: seed of that noise.

    Raises:
        ValueError: `filters` is empty, not positive, or not strictly decreasing; or the number of
            channels of the features is not the widest choice.
    """

    def __init__(
        self, filters: Sequence[int], noise: str = "gumbel", seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = tuple(int(width) for width in filters)
        decreasing = all(a > b for a, b in zip(self.filters, self.filters[1:], strict=False))
        if not self.filters or self.filters[-1] < 1 or not decreasing:
            raise ValueError(
                f"filters must be positive and strictly decreasing, got {self.filters}."
            )
        self.gumbel = GumbelSoftmax(1, len(self.filters), noise=noise, seed=seed, name="gumbel")
        channels = np.arange(self.filters[0])
        self._masks = (channels[None, :] < np.array(self.filters)[:, None]).astype("float32")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Checks the number of channels."""
        if input_shape[-1] != self.filters[0]:
            raise ValueError(
                f"{self.name} masks {self.filters[0]} channels (its widest choice), but the "
                f"features have {input_shape[-1]}."
            )
        self.built = True

    def call(self, features: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Masks the features.

        Args:
            features: [batch, height, width, widest choice].
            training: whether to sample the Gumbel weights; otherwise the most probable choice,
                one-hot.

        Returns:
            The masked features, shape and dtype of `features`, and the weights g, float32
            [choices]: the g that made the mask. The cost model reads it.
        """
        weights = self.gumbel(training=training)[0]
        mask = tf.linalg.matvec(tf.constant(self._masks), weights, transpose_a=True)
        return features * tf.cast(mask, features.dtype), weights

    def compute_output_spec(
        self, features: keras.KerasTensor, training: bool = False
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns the shapes of `call`'s results, so that building a network draws no noise."""
        return (
            keras.KerasTensor(features.shape, dtype=features.dtype),
            keras.KerasTensor((len(self.filters),), dtype="float32"),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "noise": self.gumbel.noise,
            "seed": self.gumbel.seed,
        }
