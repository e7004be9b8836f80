"""An exponential moving average of a model's variables over its training steps.

    average = d_t average + (1 - d_t) variable,    d_t = min(decay, (1 + t) / (10 + t))

Polyak and Juditsky (1992); that it helps adversarial training is due to Gowal et al. (2020,
arXiv 2010.03593). The growing d_t forgets the initial weights in short runs.
"""

import keras
import tensorflow as tf


class WeightAverage:
    """Keeps the averaged twin of a model.

    Batch norm's moving statistics are averaged too: raw ones would belong to other weights.

    Args:
        model: built, without seed generators of its own.
        decay: largest weight of the old average, in (0, 1).

    Attributes:
        model: the twin, of the same layers; what to validate and to save. Its layers stay
            trainable: a frozen network would be saved as one, and no later training could change it.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self.decay = decay
        self.model = keras.models.clone_model(model)
        self.model.set_weights(model.get_weights())
        # A variable, so that a resumed training continues with the same d_t.
        self.steps = keras.Variable(0, dtype="int64", trainable=False, name="averaged_steps")
        self._source = model

    def update(self) -> None:
        """Takes in the model's variables after one training step."""
        self.steps.assign_add(1)
        step = tf.cast(self.steps.value, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for average, variable in zip(self.model.variables, self._source.variables, strict=True):
            average.assign_add((1.0 - decay) * (variable.value - average.value))
