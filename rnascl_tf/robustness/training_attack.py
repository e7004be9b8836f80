"""Projected gradient descent for adversarial training, inside a training step's graph.

    x_0 = x + uniform(-epsilon, epsilon),   x_{k+1} = project(x_k + alpha sign(grad_x J(x_k)))

(Madry et al., 2018; the inner maximisation of TRADES is the same with another J.) The steps are a
`tf.while_loop`: one step is traced, whatever their number.
"""

import keras
import tensorflow as tf

from rnascl_tf.robustness.projection import feasible_box
from rnascl_tf.robustness.threat_model import RobustnessError


def projected_gradient(
    model, images, labels, threat_model, steps, step_size, loss=None, *, seed_generator
):
    """Returns adversarial images for one training batch.

    The model runs in evaluation mode, so batch norm's moving statistics are used and left alone,
    and dropout does not blur the gradient. Only the images are differentiated: weights receive no
    gradient through the result.

    Args:
        model: a Keras model, called with training=False, or another callable images -> logits.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: passed on to `loss`; integer [n] for the default.
        threat_model: a `ThreatModel`.
        steps: number of steps, a Python integer >= 1 or an integer scalar tensor.
        step_size: alpha in pixel units, above 0; a float or a scalar tensor.
        loss: (labels, logits) -> [n] or scalar, maximised; sparse cross-entropy by default.
        seed_generator: a `keras.random.SeedGenerator` for the random start. It is the caller's, so
            that it is saved with the training state and a resumed run continues the same stream.

    Returns:
        float32 of the images' shape, inside `feasible_box(images, threat_model)`.

    Raises:
        RobustnessError: steps, step size or seed generator are not as above.
    """
    _check_arguments(steps, step_size, seed_generator)
    loss = loss or tf.nn.sparse_softmax_cross_entropy_with_logits
    low, high = feasible_box(images, threat_model)
    noise = keras.random.uniform(
        tf.shape(images),
        -threat_model.epsilon,
        threat_model.epsilon,
        dtype="float32",
        seed=seed_generator,
    )
    start = tf.clip_by_value(images + noise, low, high)

    def one_step(step, adversarial):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(adversarial)
            objective = loss(labels, _logits(model, adversarial))
        gradient = tape.gradient(objective, adversarial)
        moved = adversarial + tf.cast(step_size, tf.float32) * tf.sign(gradient)
        return step + 1, tf.clip_by_value(moved, low, high)

    _, adversarial = tf.while_loop(
        lambda step, _: step < tf.cast(steps, tf.int32),
        one_step,
        (tf.constant(0), start),
    )
    return tf.stop_gradient(adversarial)


def _logits(model, images):
    is_keras = isinstance(model, keras.Layer)
    logits = model(images, training=False) if is_keras else model(images)
    return tf.cast(logits, tf.float32)


def _check_arguments(steps, step_size, seed_generator):
    if not tf.is_tensor(steps) and (not isinstance(steps, int) or steps < 1):
        raise RobustnessError(f"steps is {steps!r}; an integer >= 1 is needed.")
    if not tf.is_tensor(step_size) and not step_size > 0.0:
        raise RobustnessError(
            f"step_size is {step_size!r}; a positive number in pixel units is needed, as 2/255."
        )
    if not isinstance(seed_generator, keras.random.SeedGenerator):
        raise RobustnessError(
            f"seed_generator is a {type(seed_generator).__name__}; pass a "
            "keras.random.SeedGenerator (a plain seed would give every batch the same start)."
        )
