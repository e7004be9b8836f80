"""Batch norm's moving statistics: their momentum, and several replicas.

In training each replica normalises by the moments of its own part of the batch, as PyTorch's
DistributedDataParallel does, or by those of the whole batch ("synchronized", as its SyncBatchNorm).
Either way the moving statistics are, after every step, the mean over the replicas: Keras would leave
each replica its own and save the first one's.
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from rnascl_tf.networks.supernet import PAPER_MOMENTUM

SEMANTICS = ("per_replica", "synchronized")
"""Whose moments normalise in training: those of the replica's part, or of the whole batch."""


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns every batch normalisation of a Keras model that training moves, at any depth."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def batch_norm_momentum(settings: ConfigDict, steps_per_epoch: int) -> float:
    """Returns the momentum of the moving statistics for a training of this length.

    The paper's 0.997 leaves 44% of the initial statistics after 270 steps; trainings under 2,000
    steps get 0.9 unless the config says otherwise (docs/design.md, "Training").

    Args:
        settings: the config section of the training.
        steps_per_epoch: number of steps in an epoch.
    """
    if settings.batch_norm_momentum is not None:
        return settings.batch_norm_momentum
    return PAPER_MOMENTUM if settings.epochs * steps_per_epoch >= 2000 else 0.9


def set_batch_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Gives every batch norm of a model another momentum of its moving statistics."""
    for layer in batch_norms(model):
        layer.momentum = momentum


def moving_statistics(model: keras.Model) -> list[tf.Variable]:
    """Returns the moving means and variances of a model's batch norms, TensorFlow variables."""
    return [
        variable.value
        for layer in batch_norms(model)
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


def average_over_replicas(variables: Sequence[tf.Variable]) -> None:
    """Sets variables to their mean over the replicas, in one message; call in replica context.

    Args:
        variables: float TensorFlow variables that each replica has changed on its own.
    """
    if not variables or tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return
    context = tf.distribute.get_replica_context()
    means = context.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.identity(v) for v in variables])
    for variable, mean in zip(variables, means, strict=True):
        variable.assign(mean)


@contextlib.contextmanager
def moments(model: keras.Model, semantics: str) -> Iterator[None]:
    """Within it a model's batch norms normalise by these moments in training; acts while traced.

    It is a property of the training and not of the network, which is saved without it.

    Args:
        model: a Keras model.
        semantics: one of `SEMANTICS`.
    """
    layers = batch_norms(model)
    for layer in layers:
        layer.synchronized = semantics == "synchronized"
    try:
        yield
    finally:
        for layer in layers:
            layer.synchronized = False
