"""Early stopping: keeps the network of the best validation epoch, and ends when none gets better.

Adversarial training overfits: robust accuracy on unseen images falls while that on training images
rises (Rice, Wong and Kolter 2020, "Overfitting in adversarially robust deep learning").
"""

import keras
from absl import logging

from rnascl_tf.atomic import save_model


class BestEpoch(keras.callbacks.Callback):
    """Saves the network whenever validation accuracy reaches a new maximum.

    Args:
        network: the Keras model to save.
        path: `.keras` file that holds the best one so far, written atomically.
        patience: epochs without a new maximum after which training ends, at least 1.
        best: a `keras.Variable` of shape [2], (accuracy, epoch) of the best so far, saved with the
            training state; (-1, -1) before the first.
    """

    METRIC = "val_accuracy"

    def __init__(self, network, path, patience, best):
        super().__init__()
        self.network = network
        self.path = path
        self.patience = patience
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        """Compares the epoch with the best; the first of equals stays."""
        accuracy = float(logs[self.METRIC])
        best_accuracy, best_epoch = self.best.numpy()
        if accuracy > best_accuracy:
            save_model(self.network, self.path)
            self.best.assign([accuracy, epoch])
        elif epoch - best_epoch >= self.patience:
            logging.info(
                "validation accuracy under attack is best at epoch %d (%.1f%%) and has not risen "
                "for %d epochs: training ends",
                best_epoch + 1,
                100 * best_accuracy,
                self.patience,
            )
            self.model.stop_training = True
