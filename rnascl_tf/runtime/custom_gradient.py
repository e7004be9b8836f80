"""`tf.custom_gradient` for graphs that are freed again.

In every graph that it is traced in, TensorFlow registers the gradient under a new name, as long as the
process lives. The gradient holds its tensors, they hold their graph, and the graph holds all variables
that it reads: no model that was attacked or trained would ever be freed. Here the graph owns its
gradients.
"""

import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops


def custom_gradient(function: Callable[..., tuple[tf.Tensor, Any]]) -> Callable[..., tf.Tensor]:
    """Decorates a function that returns one tensor and its gradient, as for `tf.custom_gradient`."""
    differentiable = tf.custom_gradient(function)

    # Without functools.wraps: tf.function looks through it, at the function that returns a pair.
    def call(*arguments: tf.Tensor) -> tf.Tensor:
        result = differentiable(*arguments)
        if tf.is_symbolic_tensor(result):
            _give_gradient_to_graph(result)
        return result

    return call


def _give_gradient_to_graph(result: tf.Tensor) -> None:
    entries = ops.gradient_registry._registry
    name = result.op.get_attr("_gradient_op_type").decode()
    gradient = entries[name]["type"]
    # Only what differentiates this operation asks for the gradient, and it holds the graph.
    entries[name]["type"] = weakref.proxy(gradient)
    result.graph._rnascl_gradients = [*getattr(result.graph, "_rnascl_gradients", ()), gradient]
    weakref.finalize(gradient, entries.pop, name, None)
