"""What several workers tell each other."""

import functools

import tensorflow as tf


@functools.cache
def workers_of(strategy):
    """Returns the `Workers` of a `tf.distribute` strategy, the same ones each time."""
    return Workers(strategy)


class Workers:
    """The workers of a strategy; one by itself where there are no several.

    All of them must call the same methods in the same order.

    Args:
        strategy: a `tf.distribute.Strategy`, or None for one device.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self._several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._summed = None

    def wait_for_all(self):
        """Returns when every worker has come here; at once where there is one."""
        self.any_of(False)

    def any_of(self, *wishes):
        """Returns for each wish whether any worker has it."""
        return [count > 0 for count in self._sum(wishes)] if self._several else list(wishes)

    def agree(self, *numbers):
        """Returns whether all workers hold the same integers, as seen from this one.

        Those in the middle may believe it when the others differ from them both ways.
        """
        if not self._several:
            return True
        replicas = self._strategy.num_replicas_in_sync
        return self._sum(numbers) == [number * replicas for number in numbers]

    def _sum(self, numbers):
        if self._summed is None:
            # One function for all calls: a new one would be traced each time.
            self._summed = tf.function(
                lambda mine: self._strategy.reduce(
                    "SUM", self._strategy.run(lambda: mine), axis=None
                )
            )
        # Not integers: a cluster of GPUs reduces them on the CPU. Below 2^53 these are exact.
        mine = tf.constant([float(number) for number in numbers], tf.float64)
        return self._summed(mine).numpy().tolist()
