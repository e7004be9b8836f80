"""One stable callable per attacked model: float32 images -> float32 logits in evaluation mode.

cleverhans and `tf.function` key their traced graphs on the callable they are given, so a fresh
lambda per call would compile the network again each time. The callable is therefore made once and
kept as long as its model lives, with every attack that was compiled for it.
"""

import collections
import functools
import weakref
from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.replicated_function import ReplicatedFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel
from rnascl_tf.runtime.custom_gradient import custom_gradient

_KEPT: MutableMapping[Any, dict[int, "LogitsFunction"]] = weakref.WeakKeyDictionary()
NO_GRADIENT = (
    "no gradient reaches the images: a rounding, a threshold, a lookup or a NumPy call blocks it. "
    "That hides gradients and makes nothing robust; use square, which needs none, or a model without "
    "it."
)
AttackGraph: TypeAlias = Callable[..., tf.Tensor]
"""(images -> logits, `Ball`, labels, *further inputs) -> images."""

_NOT_FINITE = "the gradient is NaN or infinite"


class LogitsFunction:
    """A model bound to evaluation mode.

    Args:
        model: a Keras model, called with `training=False`, or another callable images -> logits
            made of TensorFlow operations. The caller keeps it alive.
        strategy: a `tf.distribute.Strategy` whose replicas share each batch, or None.

    Attributes:
        any_size: whether batches of all sizes share one trace; of others each size has its own.
        traces: how often each attack was traced.
    """

    differentiable = True

    def __init__(self, model: Callable[[Any], Any], strategy: Any = None) -> None:
        # A strong reference would keep the model alive from the value of a weak dictionary.
        self._model: Callable[[], Any] = weakref.ref(model)
        self._strategy = strategy
        # AutoGraph rewrites Python's `if` and `for` over tensors, which Keras does not offer to layers
        # either; reading their source takes it seconds for each model.
        self._autograph = not isinstance(model, keras.Layer)
        self.any_size = strategy is None and _takes_any_batch(model)
        self._forward = self._replicated(self._outputs)
        self._attacks: dict[tuple, ReplicatedFunction] = {}
        self.traces: collections.Counter[AttackGraph] = collections.Counter()

    @property
    def replicas(self) -> int:
        """The number of equal parts that each batch is cut into."""
        return self._strategy.num_replicas_in_sync if self._strategy else 1

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns differentiable logits, eagerly or inside a graph.

        Args:
            images: float32 [n, height, width, channels] in [0, 1].

        Returns:
            float32 [n, classes].

        Raises:
            RobustnessError: the model returns something other than one [n, classes] tensor.
        """
        return _as_logits(self._outputs(images))

    def compiled(self, images: np.ndarray) -> np.ndarray:
        """Returns the same logits as an array, through one traced graph per batch shape."""
        # Checked outside the graph: an error raised in tracing loses its one-line message.
        return _as_logits(self._forward(tf.convert_to_tensor(images))).numpy()

    def eager(self, images: np.ndarray) -> np.ndarray:
        """Returns the same logits as an array, by running the model's Python code again."""
        return self(tf.convert_to_tensor(images)).numpy()

    def attack(
        self,
        function: AttackGraph,
        threat_model: ThreatModel,
        images: np.ndarray,
        labels: np.ndarray,
        *arguments: np.ndarray | float,
    ) -> np.ndarray:
        """Runs an attack as one compiled graph.

        It is traced once for each function, norm and batch shape (of a Keras model for all numbers of
        images); epsilon and bounds are inputs of the graph. In normalized space the function sees
        images divided by the std, a ball around them, and logits of such images.

        Args:
            function: hashable, equal to another only if it computes the same.
            threat_model: what it may change.
            images: float32 [n, height, width, channels] inside the threat model's bounds; n divides
                by the replicas.
            labels: integer [n].
            *arguments: further inputs: one entry per image, or scalars for all.

        Returns:
            float32 array of the images' shape, inside the bounds.
        """
        key = (function, threat_model.norm, threat_model.std)
        # Outside the graph, where the error keeps its one line.
        if not self._attacks and not self.has_gradient(images):
            raise RobustnessError(NO_GRADIENT)
        if key not in self._attacks:
            graph = functools.partial(self._attacked, *key)
            self._attacks[key] = self._replicated(graph)
        inputs = (
            tf.convert_to_tensor(images, tf.float32),
            # One dtype, because another would be traced again.
            tf.cast(labels, tf.int64),
            tf.constant(threat_model.epsilon, tf.float64),
            *(tf.constant(bound, tf.float32) for bound in threat_model.bounds),
            *(tf.convert_to_tensor(argument) for argument in arguments),
        )
        try:
            return self._attacks[key](*inputs).numpy()
        except tf.errors.InvalidArgumentError as error:
            if _NOT_FINITE not in str(error):
                raise
            raise RobustnessError(
                f"{_NOT_FINITE} on one of the attacked images, so that an attack could not tell it "
                "from a robust one; a layer divides by zero or overflows there, correct it "
                "(the verdict on masking counts such images)."
            ) from error

    def _replicated(self, function: Callable[..., tf.Tensor]) -> ReplicatedFunction:
        return ReplicatedFunction(function, self._strategy, self._autograph, self.any_size)

    def _attacked(
        self,
        function: AttackGraph,
        norm: str,
        std: tuple[float, ...] | None,
        images: tf.Tensor,
        labels: tf.Tensor,
        epsilon: tf.Tensor,
        low: tf.Tensor,
        high: tf.Tensor,
        *arguments: tf.Tensor,
    ) -> tf.Tensor:
        self.traces[function] += 1
        if std is None:
            ball = Ball(images, norm, epsilon, (low, high))
            return function(self._with_finite_gradient, ball, labels, *arguments)
        scale = tf.constant(std, tf.float32)
        ball = Ball(images / scale, norm, epsilon, (low / scale, high / scale))

        def scaled_logits(scaled_images: tf.Tensor) -> tf.Tensor:
            return self._with_finite_gradient(scaled_images * scale)

        adversarial = function(scaled_logits, ball, labels, *arguments)
        return tf.clip_by_value(adversarial * scale, low, high)

    def _with_finite_gradient(self, images: tf.Tensor) -> tf.Tensor:
        """Returns logits; refuses gradients that are not finite, where attacks would stop silently."""
        return self(_checked_backward(images))

    def has_gradient(self, images: np.ndarray) -> bool:
        """Whether any gradient of the logits reaches the images, float32 [n, ...], zero or not."""
        few = tf.convert_to_tensor(images[:2], tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(few)
            logits = self(few)
        return tape.gradient(logits, few) is not None

    def _outputs(self, images: tf.Tensor) -> Any:
        model = self._model()
        if isinstance(model, keras.Layer):
            return model(images, training=False)
        return model(images)


@custom_gradient
def _checked_backward(images: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """The images themselves; their gradient is refused where it is NaN or infinite."""
    return tf.identity(images), lambda upstream: tf.debugging.check_numerics(upstream, _NOT_FINITE)


class BlackBoxFunction:
    """A model that answers and has no gradients, such as a TFLite interpreter.

    Args:
        answers: float32 [n, height, width, channels] in [0, 1] -> logits [n, classes].
    """

    differentiable = False
    any_size = False
    replicas = 1

    def __init__(self, answers: Callable[[np.ndarray], Any]) -> None:
        self._answers = answers

    def has_gradient(self, images: np.ndarray) -> bool:
        """Returns False: nothing is known but the answers."""
        del images
        return False

    def compiled(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 [n, classes].

        Raises:
            RobustnessError: the model returns another shape.
        """
        return np.asarray(_as_logits(np.asarray(self._answers(np.asarray(images)))))


AttackedModel: TypeAlias = Callable[[Any], Any] | BlackBoxFunction
"""A Keras model, another callable images -> logits, or a model without gradients."""


def _takes_any_batch(model: Callable[[Any], Any]) -> bool:
    shape = getattr(model, "input_shape", None) if isinstance(model, keras.Model) else None
    return isinstance(shape, tuple) and len(shape) > 0 and shape[0] is None


def _as_logits(outputs: Any) -> tf.Tensor:
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


def logits_function(
    model: AttackedModel, strategy: Any = None
) -> LogitsFunction | BlackBoxFunction:
    """Returns the one function of this model, made at the first call.

    Args:
        model: a `BlackBoxFunction` is returned as it is.
        strategy: a `tf.distribute.Strategy` whose replicas share each batch, or None.

    Returns:
        The same object for the same model and strategy.

    Raises:
        RobustnessError: not a callable, or one that Python cannot refer to weakly.
    """
    if isinstance(model, LogitsFunction | BlackBoxFunction):
        return model
    if not callable(model):
        raise RobustnessError(
            f"the model is a {type(model).__name__}, which cannot be called; "
            "pass a Keras model or a function from images to logits."
        )
    try:
        functions = _KEPT.setdefault(model, {})
    except TypeError:
        raise RobustnessError(
            f"a {type(model).__name__} cannot be kept by weak reference; "
            "pass a function that calls it, def logits(images): return model(images)."
        ) from None
    if id(strategy) not in functions:
        functions[id(strategy)] = LogitsFunction(model, strategy)
    return functions[id(strategy)]
