"""How several workers agree: waiting for each other, and sums over all of them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


@functools.cache
def workers_of(strategy: tf.distribute.Strategy | None) -> "Workers":
    """Returns the workers of a strategy, the same object each time."""
    return Workers(strategy)


class Workers:
    """The worker processes of a strategy, of which this is one, maybe the only one.

    All of them must call the same methods in the same order.

    Args:
        strategy: None for one device.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None) -> None:
        self._strategy: Any = strategy  # only read where there are several workers
        self._several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._summed: Callable[[tf.Tensor], tf.Tensor] | None = None

    def wait_for_all(self) -> None:
        """Waits until every worker has arrived here."""
        self.any_of(False)

    def any_of(self, *wishes: bool) -> list[bool]:
        """Returns for each wish whether any worker has it."""
        return [count > 0 for count in self._sum(wishes)] if self._several else list(wishes)

    def agree(self, *numbers: int) -> bool:
        """Returns whether all workers pass the same integers, as far as this one can tell.

        Only means are compared. A worker whose numbers are the mean of all sees no difference, the
        others do.
        """
        if not self._several:
            return True
        replicas = self._strategy.num_replicas_in_sync
        return self._sum(numbers) == [number * replicas for number in numbers]

    def _sum(self, numbers: Sequence[float]) -> list[float]:
        if self._summed is None:
            # One function for all calls: a new one would be traced each time.
            self._summed = tf.function(
                lambda mine: self._strategy.reduce(
                    "SUM", self._strategy.run(lambda: mine), axis=None
                )
            )
        # Floats, since a cluster of GPUs reduces integers on the CPU; up to 2^53 they are exact.
        mine = tf.constant([float(number) for number in numbers], tf.float64)
        return self._summed(mine).numpy().tolist()
