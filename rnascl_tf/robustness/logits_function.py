"""One stable callable per attacked model: float32 images -> float32 logits in evaluation mode.

cleverhans keys its traced gradient on the callable it is given, so a fresh lambda per call would
compile the network again each time. The callable is therefore made once and kept as long as its
model lives. What cleverhans compiled for it outlives both: its cache has no public way to forget,
so a process keeps the graphs and weights of every model that it attacked.
"""

import weakref

import keras
import tensorflow as tf

from rnascl_tf.robustness.threat_model import RobustnessError

_KEPT = weakref.WeakKeyDictionary()


class LogitsFunction:
    """A model bound to evaluation mode.

    Args:
        model: a Keras model, called with `training=False`, or any other callable images -> logits.
            The caller keeps it alive.
    """

    def __init__(self, model):
        # A strong reference would keep the model alive from the value of a weak dictionary.
        self._model = weakref.ref(model)
        self._traced_outputs = tf.function(self._outputs)

    def __call__(self, images):
        """Returns differentiable logits, eagerly or inside a graph.

        Args:
            images: float32 [n, height, width, channels] in [0, 1].

        Returns:
            float32 [n, classes].

        Raises:
            RobustnessError: the model returns something other than one [n, classes] tensor.
        """
        return _as_logits(self._outputs(images))

    def compiled(self, images):
        """Returns the same logits through one traced graph per batch shape."""
        # Outside the graph, because an error raised in tracing loses its one-line message.
        return _as_logits(self._traced_outputs(images))

    def _outputs(self, images):
        model = self._model()
        if isinstance(model, keras.Layer):
            return model(images, training=False)
        return model(images)


def _as_logits(outputs):
    if isinstance(outputs, dict | list | tuple):
        raise RobustnessError(
            f"the model returns a {type(outputs).__name__}, one logits tensor is needed; pass "
            "for example lambda images: model(images, training=False)['logits']."
        )
    if len(outputs.shape) != 2:
        raise RobustnessError(
            f"the model returns shape {tuple(outputs.shape)}; logits are [images, classes]."
        )
    return tf.cast(outputs, tf.float32)


def logits_function(model):
    """Returns the one `LogitsFunction` of this model, made at the first call.

    Args:
        model: a Keras model or another callable images -> logits.

    Returns:
        A `LogitsFunction`, the same object for the same model.

    Raises:
        RobustnessError: not a callable, or one that Python cannot refer to weakly.
    """
    if not callable(model):
        raise RobustnessError(
            f"the model is a {type(model).__name__}, which cannot be called; "
            "pass a Keras model or a function from images to logits."
        )
    try:
        if model not in _KEPT:
            _KEPT[model] = LogitsFunction(model)
        return _KEPT[model]
    except TypeError:
        raise RobustnessError(
            f"a {type(model).__name__} cannot be kept by weak reference; "
            "pass a function that calls it, def logits(images): return model(images)."
        ) from None
