"""Running means of the loss terms and the accuracy, as Keras' `fit` shows and logs them."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from rnascl_tf.objectives import Terms
from rnascl_tf.objectives.trades import TradesTerms


def active_terms(kl: bool, attention: bool) -> tuple[str, ...]:
    """Returns the names of the loss terms, fields of `Terms`, of a training with these controls."""
    names = ["loss", "cross_entropy"]
    return (*names, *(["divergence"] if kl else []), *(["attention"] if attention else []))


class TermMeans:
    """One `keras.metrics.Mean` for each term, and the accuracy.

    Args:
        extra: names of further means.
        terms: names of the loss terms, fields of `Terms`.
    """

    def __init__(self, *extra: str, terms: Sequence[str]) -> None:
        self._terms = terms
        self._means = {name: keras.metrics.Mean(name=name) for name in (*terms, *extra)}
        self._accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def __getitem__(self, name: str) -> keras.metrics.Mean:
        return self._means[name]

    @property
    def all(self) -> list[keras.metrics.Metric]:
        """Every metric, for `keras.Model.metrics`."""
        return [*self._means.values(), self._accuracy]

    def update(self, labels: tf.Tensor, logits: tf.Tensor, terms: Terms | TradesTerms) -> None:
        """Adds one training step.

        Args:
            labels: integer [batch].
            logits: float [batch, classes].
            terms: the step's.
        """
        for name in self._terms:
            self._means[name].update_state(getattr(terms, name))
        self._accuracy.update_state(labels, logits)

    def evaluate(self, labels: tf.Tensor, logits: tf.Tensor) -> dict[str, tf.Tensor]:
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

    def results(self) -> dict[str, tf.Tensor]:
        """Returns name -> running mean."""
        return {metric.name: metric.result() for metric in self.all}
