"""tau's schedule: from 5 by exp(-0.045) an epoch over A.1's 100, scaled to any number of epochs."""

import math

import keras

from rnascl_tf.layers.gumbel import INITIAL_TEMPERATURE
from rnascl_tf.training.loop.logs import Logs

TOTAL_DECAY = 4.5
"""tau falls by exp(-4.5) over a whole search: 0.045 an epoch in the paper's 100."""


def temperature_at(epoch: int, epochs: int) -> float:
    """Returns tau = 5 exp(-4.5 epoch / epochs); 0.0555 after the paper's 100 epochs."""
    return INITIAL_TEMPERATURE * math.exp(-TOTAL_DECAY * epoch / epochs)


class TemperatureAnnealing(keras.callbacks.Callback):
    """Sets the search model's temperature at the start of every epoch.

    Args:
        epochs: length of the whole search, also when it resumes in the middle.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Applies `temperature_at`."""
        self.model.set_temperature(temperature_at(epoch, self.epochs))
