"""A network as attacks in training see it: evaluation mode, its batch norms folded into convolutions.

Weights and moving statistics stand still during an attack. So the batch norms are folded once for each
batch, inside the training step's graph, and every step of the attack makes fewer passes over the
features, forward and backward. `benchmarks/training_attack.py` measures what that saves.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf
from absl import logging

from rnascl_tf.layers.hard_swish import HardSwish, fast_hard_swish
from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution, is_pointwise
from rnascl_tf.robustness.folding import foldable_pairs, folded_weights, unfilled_copy

ImagesToLogits: TypeAlias = Callable[[tf.Tensor], tf.Tensor]
"""float32 [n, height, width, channels] -> float32 [n, classes]."""


class FoldedNetwork:
    """The logits of a network in evaluation mode, with gradients to the images alone.

    It keeps a functional twin of the network whose variables are never read: the values that stand in
    for them are computed from the network's, inside the graph. Neither the network nor a model that
    has this object as an attribute gets the twin's variables.

    Args:
        network: a Keras model of images, whose output is the logits or a dict with "logits". Where
            no batch norm can be folded, the network itself is called, and the log says so.

    Attributes:
        folded_batch_norms: how many batch norms are folded.
    """

    def __init__(self, network: keras.Model) -> None:
        self._source = _logits_only(network)
        self._pairs = foldable_pairs(self._source)
        self.folded_batch_norms = len(self._pairs)
        self._twin = unfilled_copy(self._source, self._pairs, _rebuilt) if self._pairs else None
        if not self._pairs:
            logging.warning(
                "attacks in training run on %s unfolded: no batch norm of it follows a convolution "
                "of a functional model.",
                network.name,
            )

    def with_present_weights(self) -> ImagesToLogits:
        """Returns images -> logits by the network's present weights and moving statistics.

        Call it once for each batch, where the attack begins: what it computes is shared by all calls
        of the result, also in a `tf.while_loop`. Under a strategy it reads the replica's own variables.

        Returns:
            A function, float32 [n, height, width, channels] -> float32 [n, classes].
        """
        model = self._twin or self._source
        present = self._present_weights()

        def logits(images: tf.Tensor) -> tf.Tensor:
            with keras.StatelessScope(state_mapping=present):
                outputs = model(images, training=False)
            return tf.cast(outputs["logits"] if isinstance(outputs, dict) else outputs, tf.float32)

        return logits

    def _present_weights(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Returns every variable with the value that the network uses for it."""
        if self._twin is None:
            values = [
                (variable, tf.convert_to_tensor(variable)) for variable in self._source.weights
            ]
        else:
            values = []
            # Layers without weights may have another name in the twin, as inputs have.
            for twin in filter(lambda layer: layer.weights, self._twin.layers):
                values += zip(twin.weights, self._values(twin.name), strict=True)
        return [(variable, tf.stop_gradient(value)) for variable, value in values]

    def _values(self, name: str) -> tuple[tf.Tensor, ...]:
        layer = self._source.get_layer(name)
        if name in self._pairs:
            return folded_weights(layer, self._source.get_layer(self._pairs[name]))
        return tuple(tf.convert_to_tensor(variable) for variable in layer.weights)


def _logits_only(network: keras.Model) -> keras.Model:
    """Returns the functional model of the logits alone, or the network if it is not functional."""
    if not hasattr(network, "operations"):
        return network
    outputs = network.output
    return keras.Model(network.inputs, outputs["logits"] if isinstance(outputs, dict) else outputs)


def _rebuilt(layer: keras.Layer, config: dict[str, Any]) -> keras.Layer:
    """The twin's layer: the same function in the form that is fastest here."""
    if is_pointwise(layer):
        return PointwiseConvolution.from_config(config | {"always_product": True})
    if type(layer) is HardSwish:
        return keras.layers.Activation(fast_hard_swish, name=layer.name)
    return type(layer).from_config(config)
