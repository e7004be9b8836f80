"""Gumbel-softmax over a table of choices (paper, section 3; Jang et al. 2017).

g = softmax((v + o) / tau): v are the searched logits, o is noise, tau the temperature. One row is
one independent choice: a block's number of filters, or a student layer's tutor.
"""

from typing import Any

import keras
import tensorflow as tf

INITIAL_TEMPERATURE = 5.0
"""tau at epoch 0 (paper, section A.1)."""

NOISES = ("gumbel", "normal")


@keras.saving.register_keras_serializable(package="rnascl_tf")
class GumbelSoftmax(keras.layers.Layer):
    """Differentiable choice of one of `choices`, for each of `rows` independent rows.

    In training the weights are a Gumbel-softmax sample, new at every call. At inference nothing is
    random: the weights are one-hot at the largest logit, the first of equals.

    Args:
        rows: number of independent choices, at least 1.
        choices: number of alternatives in each row, at least 1.
        noise: `"gumbel"` for standard Gumbel noise (default; Jang et al. 2017) or `"normal"` for
            N(0, 1), as the paper's text says.
        seed: of the noise, which this layer draws from a generator of its own.

    Raises:
        ValueError: `rows` or `choices` below 1, or an unknown `noise`.
    """

    def __init__(
        self, rows: int, choices: int, noise: str = "gumbel", seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if rows < 1 or choices < 1:
            raise ValueError(f"rows and choices must be at least 1, got {rows} and {choices}.")
        if noise not in NOISES:
            raise ValueError(f"noise must be one of {', '.join(NOISES)}, got {noise!r}.")
        self.rows = rows
        self.choices = choices
        self.noise = noise
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Neither is cast in mixed precision: gradients of the logits are about 1e-5.
        self.logits = self.add_weight(
            name="logits",
            shape=(rows, choices),
            dtype="float32",
            initializer="zeros",
            autocast=False,
        )
        # A variable, because tracing would freeze a Python number into the graph.
        self.temperature = self.add_weight(
            name="temperature",
            shape=(),
            dtype="float32",
            initializer=keras.initializers.Constant(INITIAL_TEMPERATURE),
            trainable=False,
            autocast=False,
        )
        self.built = True

    def call(self, training: bool = False) -> tf.Tensor:
        """Returns the weights g, float32 [rows, choices], each row non-negative and summing to 1."""
        logits = tf.convert_to_tensor(self.logits)
        if not training:
            return tf.one_hot(tf.argmax(logits, axis=-1), self.choices, dtype=logits.dtype)
        return tf.nn.softmax((logits + self._draw()) / tf.convert_to_tensor(self.temperature))

    def probabilities(self) -> tf.Tensor:
        """Returns softmax(v), float32 [rows, choices]: the probabilities, without noise."""
        return tf.nn.softmax(tf.convert_to_tensor(self.logits))

    def _draw(self) -> tf.Tensor:
        shape = (self.rows, self.choices)
        if self.noise == "normal":
            return keras.random.normal(shape, dtype="float32", seed=self.seed_generator)
        # The lower bound keeps log(u) finite; u is under 1 in float32 anyway.
        uniform = keras.random.uniform(
            shape, minval=1e-20, maxval=1.0, dtype="float32", seed=self.seed_generator
        )
        return -tf.math.log(-tf.math.log(uniform))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "rows": self.rows,
            "choices": self.choices,
            "noise": self.noise,
            "seed": self.seed,
        }
