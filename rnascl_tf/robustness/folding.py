"""A copy of a model for evaluation, each batch norm folded into the convolution before it.

With gamma, beta, mu, v of the batch norm and s = gamma / sqrt(v + epsilon): W' = s W along the
output channels, b' = s (b - mu) + beta. The same function in fewer passes over the features.
"""

import weakref
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.layers.pointwise_convolution import PointwiseConvolution

TOLERANCE = 1e-5
"""Largest difference of logits, relative to the largest logit, with which a folded copy is used."""

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, PointwiseConvolution)
_COPIES: MutableMapping[keras.Model, keras.Model] = weakref.WeakKeyDictionary()


def folded(model: keras.Model, images: np.ndarray) -> tuple[keras.Model, int]:
    """Returns a copy with batch norms folded, or the model itself where that is not exact.

    Args:
        model: images -> logits.
        images: float32 [n, height, width, channels], on which both are compared.

    Returns:
        (model for evaluation, number of batch norms folded in it). The copy holds the model's
        present weights; it is made once and refilled at later calls, so that what was compiled for
        it stays. It is the model itself, and 0, if there is nothing to fold, if the logits of the
        two differ by more than `TOLERANCE`, or if a layer cannot be rebuilt from its config.
    """
    functional = model
    if isinstance(model, keras.Sequential) and model.built:
        functional = keras.Model(model.inputs, model.outputs)
    pairs = foldable_pairs(functional)
    if not pairs:
        return model, 0
    if model not in _COPIES:
        try:
            _COPIES[model] = unfilled_copy(functional, pairs)
        except Exception:  # layers that cannot be rebuilt raise what they like; nothing is lost
            return model, 0
    copy = _COPIES[model]
    _fill(copy, model, pairs)
    wanted = np.asarray(model(images, training=False))
    difference = abs(np.asarray(copy(images, training=False)) - wanted).max()
    if not difference <= TOLERANCE * max(1.0, float(abs(wanted).max())):
        return model, 0
    return copy, len(pairs)


def foldable_pairs(model: keras.Model) -> dict[str, str]:
    """Returns {convolution's name: batch norm's name} of a functional model's foldable pairs.

    Empty where there are none, and for a model that is not functional.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        return {}
    consumers: dict[int, list[keras.Layer]] = {}
    for layer in model.layers:
        for tensor in _tensors(layer, "inputs"):
            consumers.setdefault(id(tensor), []).append(layer)
    outputs = {id(tensor) for tensor in model.outputs}
    pairs = {}
    for layer in model.layers:
        produced = _tensors(layer, "outputs")
        if type(layer) not in _CONVOLUTIONS or len(produced) != 1:
            continue
        if layer.activation is not keras.activations.linear or layer.data_format != "channels_last":
            continue
        reading = consumers.get(id(produced[0]), [])
        if len(reading) != 1 or id(produced[0]) in outputs:
            continue
        normalization = reading[0]
        if (
            isinstance(normalization, keras.layers.BatchNormalization)
            and len(_tensors(normalization, "outputs")) == 1
            and normalization.axis in (-1, 3)
        ):
            pairs[layer.name] = normalization.name
    return pairs


def _tensors(layer: keras.Layer, side: str) -> list[Any]:
    """The tensors that a layer's calls read or make; one per call of a shared layer."""
    attribute = "input_tensors" if side == "inputs" else "output_tensors"
    return [tensor for node in layer._inbound_nodes for tensor in getattr(node, attribute)]


def unfilled_copy(
    model: keras.Model,
    pairs: Mapping[str, str],
    rebuilt: Callable[[keras.Layer, dict[str, Any]], keras.Layer] | None = None,
) -> keras.Model:
    """Returns a functional model's copy without the batch norms of `pairs`, its weights not set.

    Args:
        model: functional.
        pairs: from `foldable_pairs`. Their convolutions have a bias in the copy, an identity is in the
            place of each batch norm, and all layers keep their names.
        rebuilt: (layer, config of its copy) -> the copy, which keeps the name; of the layer's own
            class by default.
    """
    folded_away = set(pairs.values())

    def copied(layer: keras.Layer) -> keras.Layer:
        if layer.name in folded_away:
            return keras.layers.Identity(name=layer.name)
        config = layer.get_config()
        if layer.name in pairs:
            config["use_bias"] = True
        return rebuilt(layer, config) if rebuilt else type(layer).from_config(config)

    def called(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        if isinstance(layer, keras.layers.Identity):
            options.pop("mask", None)  # a batch norm takes one
        return layer(*arguments, **options)

    return keras.models.clone_model(model, clone_function=copied, call_function=called)


def folded_weights(
    convolution: keras.Layer, normalization: keras.layers.BatchNormalization
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns W' [the kernel's shape] and b' [outputs] as float32, computed in float64.

    Reads the present weights and moving statistics, eagerly or inside a graph.
    """

    def exact(variable: keras.Variable | None, otherwise: float) -> tf.Tensor:
        value = otherwise if variable is None else tf.convert_to_tensor(variable)
        return tf.cast(value, tf.float64)

    kernel = exact(convolution.kernel, 0.0)
    variance = exact(normalization.moving_variance, 1.0) + normalization.epsilon
    scale = exact(normalization.gamma, 1.0) / tf.sqrt(variance)
    centred = exact(convolution.bias, 0.0) - exact(normalization.moving_mean, 0.0)
    bias = centred * scale + exact(normalization.beta, 0.0)
    # A depthwise kernel is [height, width, channels, multiplier]; its outputs run channel by channel.
    outputs = tf.reshape(scale, kernel.shape[2:]) if _depthwise(convolution) else scale
    return tf.cast(kernel * outputs, tf.float32), tf.cast(bias, tf.float32)


def _fill(copy: keras.Model, model: keras.Model, pairs: dict[str, str]) -> None:
    folded_away = set(pairs.values())
    for layer in model.layers:
        if not layer.weights or layer.name in folded_away:
            continue
        weights = layer.get_weights()
        if layer.name in pairs:
            weights = folded_weights(layer, model.get_layer(pairs[layer.name]))
        copy.get_layer(layer.name).set_weights(weights)


def _depthwise(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.DepthwiseConv2D)
