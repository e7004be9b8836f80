"""Batches shared by the replicas of a `tf.distribute` strategy: each gets a contiguous equal part.

The rows are divided here and not by TensorFlow's automatic sharding, so that replica r of R always
sees rows r n / R to (r + 1) n / R of the batch that one device would see, for any number of workers.
"""

from collections.abc import Callable

import tensorflow as tf

from rnascl_tf.data.graph_functions import as_written


def shared_batches(
    batches: Callable[[], tf.data.Dataset], strategy: tf.distribute.Strategy
) -> tf.distribute.DistributedDataset:
    """Returns a distributed data set for a strategy.

    Args:
        batches: makes a data set of dictionaries of tensors with the same number of rows; called
            once for every input pipeline, and the same in each.
        strategy: whose replicas share the batches.

    Returns:
        The distributed data set. Of a batch that cannot be divided equally (the last one of an
        evaluation) the last replicas get fewer rows, perhaps none.
    """
    replicas = strategy.num_replicas_in_sync

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        @as_written
        def deal(batch: dict[str, tf.Tensor]) -> tf.data.Dataset:
            numbers = tf.data.Dataset.range(first, first + local)
            return numbers.map(as_written(lambda replica: _part(batch, replica, replicas)))

        return batches().flat_map(deal).prefetch(2 * local)

    return strategy.distribute_datasets_from_function(pipeline)


def _part(batch: dict[str, tf.Tensor], replica: tf.Tensor, replicas: int) -> dict[str, tf.Tensor]:
    def rows(values: tf.Tensor) -> tf.Tensor:
        size = values.shape[0]
        if size is not None and size % replicas == 0:
            part = tf.reshape(values, [replicas, size // replicas, *values.shape[1:]])
            return part[replica]
        size = tf.shape(values, out_type=tf.int64)[0]
        width = (size + replicas - 1) // replicas
        return values[replica * width : (replica + 1) * width]

    return tf.nest.map_structure(rows, batch)
