"""Every replica gets its contiguous part of the batch that one device would see."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.data import Examples, evaluation_batches, shared_batches, training_batches


@pytest.fixture
def examples():
    generator = np.random.default_rng(0)
    return Examples(
        generator.integers(0, 256, (23, 5, 7, 3)).astype("uint8"),
        generator.integers(0, 3, 23).astype("int32"),
    )


def parts(two_replicas, shared, count):
    iterator = iter(shared)
    for _ in range(count):
        batch = next(iterator)
        yield [
            {
                name: two_replicas.experimental_local_results(values)[r].numpy()
                for name, values in batch.items()
            }
            for r in range(2)
        ]


def test_parts_together_are_the_batch(two_replicas, examples):
    def stream():
        return training_batches(examples, batch_size=6, seed=5, crop_padding=1, flip=True)

    whole = list(stream().take(4).as_numpy_iterator())
    for batch, shared in zip(
        whole, parts(two_replicas, shared_batches(stream, two_replicas), 4), strict=True
    ):
        for name, values in batch.items():
            assert [len(part[name]) for part in shared] == [3, 3]
            np.testing.assert_array_equal(np.concatenate([p[name] for p in shared]), values)


def test_a_last_batch_that_does_not_divide_loses_nothing(two_replicas, examples):
    def once():
        return evaluation_batches(examples, 11)

    found = list(parts(two_replicas, shared_batches(once, two_replicas), 3))
    assert [[len(part["label"]) for part in shared] for shared in found] == [[6, 5], [6, 5], [1, 0]]
    rows = np.concatenate([part["index"] for shared in found for part in shared])
    np.testing.assert_array_equal(rows, np.arange(23))


@pytest.mark.parametrize(("local", "pipelines"), [(1, 3), (3, 1), (2, 2)])
def test_pipelines_of_several_workers_deal_like_one(examples, local, pipelines):
    """The rows of replica r, whichever worker it is on."""
    replicas = local * pipelines
    batch = next(evaluation_batches(examples, 12).as_numpy_iterator())
    found = []

    class Recorder:
        num_replicas_in_sync = replicas

        def distribute_datasets_from_function(self, function):
            for pipeline in range(pipelines):
                context = tf.distribute.InputContext(pipelines, pipeline, replicas)
                found.extend(function(context).take(local).as_numpy_iterator())

    shared_batches(lambda: evaluation_batches(examples, 12), Recorder())
    width = 12 // replicas
    for replica, part in enumerate(found):
        for name, values in batch.items():
            np.testing.assert_array_equal(
                part[name], values[replica * width : (replica + 1) * width]
            )
