"""A traced function of a batch: of any size, or shared by the replicas of a strategy."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf


class ReplicatedFunction:
    """A traced function whose inputs of rank 1 or more are cut into one part per replica.

    Args:
        function: tensors -> one tensor, each with one entry per image, or scalars for all.
        strategy: a `tf.distribute.Strategy`, or None.
        autograph: whether AutoGraph rewrites the function.
        any_size: trace once for all numbers of images; without a strategy only.
    """

    def __init__(
        self,
        function: Callable[..., tf.Tensor],
        strategy: Any,
        autograph: bool,
        any_size: bool,
    ) -> None:
        self._strategy = strategy
        self._any_size = any_size
        if strategy is not None:
            function = functools.partial(_run, strategy, function)
        self._traced = tf.function(function, autograph=autograph)

    def __call__(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Returns the function's tensor for the whole batch."""
        if self._strategy is None:
            if self._any_size and not self._traced.experimental_get_tracing_count():
                # This call and all later ones find this trace, whatever their number of images.
                self._traced.get_concrete_function(*map(_of_any_length, inputs))
            return self._traced(*inputs)
        replicas = self._strategy.num_replicas_in_sync
        parts = [
            tf.split(value, replicas) if value.shape.rank else [value] * replicas
            for value in inputs
        ]
        arguments = tuple(
            self._strategy.experimental_distribute_values_from_function(
                lambda context, part=part: part[context.replica_id_in_sync_group]
            )
            for part in parts
        )
        outputs = self._traced(arguments)
        return tf.concat(self._strategy.experimental_local_results(outputs), axis=0)


def _run(
    strategy: Any, function: Callable[..., tf.Tensor], arguments: tuple[tf.Tensor, ...]
) -> tf.Tensor:
    return strategy.run(function, args=arguments)


def _of_any_length(value: tf.Tensor) -> tf.TensorSpec:
    shape = value.shape
    return tf.TensorSpec([None, *shape[1:]] if shape.rank else shape, value.dtype)
