"""Self-distillation late in training: the averaged network's predictions replace part of the labels.

    y' = (1 - r) y + r softmax(p_average(x)),   r from 0 to its largest value over the last epochs

The averaged network is less sure of itself than one-hot labels are, which slows robust overfitting.
The part grows while the network gets better, as in annealing self-distillation rectification (Wu et al.
2024, arXiv 2305.12118, whose temperature and correction of wrong predictions are left out).
"""

import math

import keras

from rnascl_tf.training.loop.logs import Logs


class SelfDistillation(keras.callbacks.Callback):
    """Sets r at the start of every epoch.

    Args:
        own_part: r, a float32 scalar, see `ClassifierModel`.
        largest: r of the last epoch, in [0, 1).
        start: part of the epochs before which r is 0, in [0, 1).
        epochs: length of the whole training, also when it resumes in the middle.
    """

    def __init__(self, own_part: keras.Variable, largest: float, start: float, epochs: int) -> None:
        super().__init__()
        self._own_part = own_part
        self._largest = largest
        self._first = min(math.ceil(start * epochs), epochs - 1)
        self._epochs = epochs

    def part(self, epoch: int) -> float:
        """Returns r of an epoch, counted from 0."""
        done = max(0, epoch + 1 - self._first)
        return self._largest * done / (self._epochs - self._first)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Applies `part`."""
        self._own_part.assign(self.part(epoch))
