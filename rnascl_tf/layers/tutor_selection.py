"""Searched choice of a teacher layer, the tutor, for every student layer (paper, section 3)."""

from typing import Any

import keras
import tensorflow as tf

from rnascl_tf.layers.gumbel import GumbelSoftmax


@keras.saving.register_keras_serializable(package="rnascl_tf")
class TutorSelection(GumbelSoftmax):
    """Gumbel-softmax weights g_ij of teacher layer j as the tutor of student layer i.

    One independent Gumbel vector of length n_t per student layer.

    Args:
        student_layers: n_s, the number of tapped student convolutions.
        teacher_layers: n_t, the number of tapped teacher convolutions.
        noise: see `GumbelSoftmax`.
        seed: see `GumbelSoftmax`.
    """

    def __init__(
        self,
        student_layers: int,
        teacher_layers: int,
        noise: str = "gumbel",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(student_layers, teacher_layers, noise=noise, seed=seed, **kwargs)

    def entropy(self) -> tf.Tensor:
        """Returns the mean over student layers of the entropy of softmax(v), a float32 scalar.

        In nats, from 0 (every tutor decided) to log n_t (nothing learnt yet).
        """
        log_probabilities = tf.nn.log_softmax(tf.convert_to_tensor(self.logits))
        row_entropy = -tf.reduce_sum(tf.exp(log_probabilities) * log_probabilities, axis=-1)
        return tf.reduce_mean(row_entropy)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        config["student_layers"] = config.pop("rows")
        config["teacher_layers"] = config.pop("choices")
        return config
