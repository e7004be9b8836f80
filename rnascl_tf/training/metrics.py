"""Running means of the loss terms and the accuracy, as Keras' `fit` shows and logs them."""

import keras
import tensorflow as tf


def active_terms(kl, attention):
    """Returns the names of the loss terms, fields of `Terms`, of a training with these controls."""
    names = ["loss", "cross_entropy"]
    return (*names, *(["divergence"] if kl else []), *(["attention"] if attention else []))


class TermMeans:
    """One `keras.metrics.Mean` for each term, and the accuracy.

    Args:
        extra: names of further means.
        terms: names of the loss terms, fields of `Terms`.
    """

    def __init__(self, *extra, terms):
        self._terms = terms
        self._means = {name: keras.metrics.Mean(name=name) for name in (*terms, *extra)}
        self._accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def __getitem__(self, name):
        return self._means[name]

    @property
    def all(self):
        """Every metric, for `keras.Model.metrics`."""
        return [*self._means.values(), self._accuracy]

    def update(self, labels, logits, terms):
        """Adds one training step.

        Args:
            labels: integer [batch].
            logits: float [batch, classes].
            terms: a `Terms`.
        """
        for name in self._terms:
            self._means[name].update_state(getattr(terms, name))
        self._accuracy.update_state(labels, logits)

    def evaluate(self, labels, logits):
        """Adds one validation batch; returns its two results, cross-entropy and accuracy."""
        # Example by example: a replica may get none of the last batch.
        self._means["cross_entropy"].update_state(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
        )
        self._accuracy.update_state(labels, logits)
        return {
            "cross_entropy": self._means["cross_entropy"].result(),
            "accuracy": self._accuracy.result(),
        }

    def results(self):
        """Returns name -> running mean."""
        return {metric.name: metric.result() for metric in self.all}
