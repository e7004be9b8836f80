"""A copy of a model for evaluation, each batch norm folded into the convolution before it.

With gamma, beta, mu, v of the batch norm and s = gamma / sqrt(v + epsilon): W' = s W along the
output channels, b' = s (b - mu) + beta. The same function in fewer passes over the features.
"""

import weakref
from collections.abc import MutableMapping
from typing import Any

import keras
import numpy as np

TOLERANCE = 1e-5
"""Largest difference of logits, relative to the largest logit, with which a folded copy is used."""

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
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
    pairs = _pairs(functional)
    if not pairs:
        return model, 0
    if model not in _COPIES:
        try:
            _COPIES[model] = _copied(functional, pairs)
        except Exception:  # layers that cannot be rebuilt raise what they like; nothing is lost
            return model, 0
    copy = _COPIES[model]
    _fill(copy, model, pairs)
    wanted = np.asarray(model(images, training=False))
    difference = abs(np.asarray(copy(images, training=False)) - wanted).max()
    if not difference <= TOLERANCE * max(1.0, float(abs(wanted).max())):
        return model, 0
    return copy, len(pairs)


def _pairs(model: keras.Model) -> dict[str, str]:
    """Returns {convolution's name: batch norm's name} of a functional model's foldable pairs."""
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


def _copied(model: keras.Model, pairs: dict[str, str]) -> keras.Model:
    folded_away = set(pairs.values())

    def copied(layer: keras.Layer) -> keras.Layer:
        if layer.name in folded_away:
            return keras.layers.Identity(name=layer.name)
        settings = layer.get_config()
        if layer.name in pairs:
            settings["use_bias"] = True
        return type(layer).from_config(settings)

    def called(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        if isinstance(layer, keras.layers.Identity):
            options.pop("mask", None)  # a batch norm takes one
        return layer(*arguments, **options)

    return keras.models.clone_model(model, clone_function=copied, call_function=called)


def _fill(copy: keras.Model, model: keras.Model, pairs: dict[str, str]) -> None:
    folded_away = set(pairs.values())
    for layer in model.layers:
        if not layer.weights or layer.name in folded_away:
            continue
        weights = layer.get_weights()
        if layer.name in pairs:
            weights = _folded_weights(layer, model.get_layer(pairs[layer.name]))
        copy.get_layer(layer.name).set_weights(weights)


def _folded_weights(
    convolution: keras.Layer, normalization: keras.layers.BatchNormalization
) -> list[np.ndarray]:
    """Returns [W', b'] as float32, computed in float64."""
    kernel = np.asarray(convolution.kernel, np.float64)
    mean, variance = (
        np.asarray(value, np.float64)
        for value in (normalization.moving_mean, normalization.moving_variance)
    )
    scale = 1.0 / np.sqrt(variance + normalization.epsilon)
    if normalization.gamma is not None:
        scale = scale * np.asarray(normalization.gamma, np.float64)
    shift = 0.0 if normalization.beta is None else np.asarray(normalization.beta, np.float64)
    bias = 0.0 if convolution.bias is None else np.asarray(convolution.bias, np.float64)
    # A depthwise kernel is [height, width, channels, multiplier]; its outputs run channel by channel.
    outputs = scale.reshape(kernel.shape[2:]) if _depthwise(convolution) else scale
    return [
        (kernel * outputs).astype(np.float32),
        ((bias - mean) * scale + shift).astype(np.float32),
    ]


def _depthwise(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.DepthwiseConv2D)
