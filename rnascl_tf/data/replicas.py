"""Batches shared by the replicas of a `tf.distribute` strategy: each gets a contiguous equal part.

The rows are dealt here and not by TensorFlow's automatic sharding, so that replica r of R always sees
rows r n / R to (r + 1) n / R of the batch that one device would see, however many workers there are.
"""

import tensorflow as tf


def shared_batches(batches, strategy):
    """Returns a distributed data set.

    Args:
        batches: function () -> `tf.data.Dataset` of dictionaries of tensors with equally many rows;
            called once for every input pipeline, and the same in each.
        strategy: a `tf.distribute.Strategy`.

    Returns:
        A distributed data set for the strategy. A batch that does not divide (the last one of an
        evaluation) leaves the last replicas fewer rows, perhaps none.
    """
    replicas = strategy.num_replicas_in_sync

    def pipeline(context):
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def deal(batch):
            numbers = tf.data.Dataset.range(first, first + local)
            return numbers.map(lambda replica: _part(batch, replica, replicas))

        return batches().flat_map(deal).prefetch(2 * local)

    return strategy.distribute_datasets_from_function(pipeline)


def _part(batch, replica, replicas):
    def rows(values):
        size = values.shape[0]
        if size is not None and size % replicas == 0:
            part = tf.reshape(values, [replicas, size // replicas, *values.shape[1:]])
            return part[replica]
        size = tf.shape(values, out_type=tf.int64)[0]
        width = (size + replicas - 1) // replicas
        return values[replica * width : (replica + 1) * width]

    return tf.nest.map_structure(rows, batch)
