"""Projected gradient descent for adversarial training, inside a training step's graph.

    x_{k+1} = project(x_k + alpha steepest(grad_x J(x_k)))

steepest(g) is sign(g) in L-inf and g / ||g||_2 in L2. Madry et al. (2018): J is the cross-entropy, x_0
uniform in the ball. TRADES (Zhang et al. 2019, algorithm 1): J(x') = KL(p(x) || p(x')) with p(x) held
fixed, x_0 = x + 0.001 N(0, 1). The steps are a `tf.while_loop`: one step is traced, whatever their
number.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import keras
import tensorflow as tf

from rnascl_tf.objectives.trades import prediction_divergence
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

Logits: TypeAlias = Callable[..., tf.Tensor]
"""A Keras model, called with training=False, or another callable images -> logits."""

Loss: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(labels, logits) -> [n] or scalar."""

TRADES_START_STD = 0.001
"""Standard deviation of the start in algorithm 1 of TRADES, pixel units. At x itself the divergence has
no gradient, and its curvature gives the first step a direction as soon as x' differs at all."""


@dataclasses.dataclass(frozen=True)
class TrainingAttack:
    """The inner attacker of an adversarial training.

    Attributes:
        threat_model: a `ThreatModel`, its epsilon above 0.
        steps: number of gradient steps, at least 1.
        step_fraction: size of one step in parts of epsilon, above 0.
        seed_generator: a `keras.random.SeedGenerator` of the random starts, see
            `projected_gradient`.
    """

    threat_model: ThreatModel
    steps: int
    step_fraction: float
    seed_generator: keras.random.SeedGenerator

    def against_labels(self, model: Logits, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns the images of Madry et al.: those that maximise the cross-entropy.

        Args:
            model: as for `projected_gradient`.
            images: float32 [n, height, width, channels].
            labels: integer [n].
        """
        return self._run(model, images, labels)

    def against_prediction(self, model: Logits, images: tf.Tensor) -> tf.Tensor:
        """Returns the images of TRADES: those that move the prediction furthest from the clean one.

        Args:
            model: as for `projected_gradient`.
            images: float32 [n, height, width, channels].
        """
        # Once, not in each step: the weights and the clean images stand still during the attack.
        clean_logits = tf.stop_gradient(_logits(model, images))
        return self._run(model, images, clean_logits, prediction_divergence, TRADES_START_STD)

    def _run(
        self,
        model: Logits,
        images: tf.Tensor,
        target: tf.Tensor,
        loss: Loss | None = None,
        start_std: float | None = None,
    ) -> tf.Tensor:
        return projected_gradient(
            model,
            images,
            target,
            self.threat_model,
            self.steps,
            self.step_fraction * self.threat_model.epsilon,
            loss,
            start_std=start_std,
            seed_generator=self.seed_generator,
        )


def projected_gradient(
    model: Logits,
    images: tf.Tensor,
    labels: tf.Tensor,
    threat_model: ThreatModel,
    steps: int | tf.Tensor,
    step_size: float | tf.Tensor,
    loss: Loss | None = None,
    *,
    start_std: float | None = None,
    seed_generator: keras.random.SeedGenerator,
) -> tf.Tensor:
    """Returns adversarial images for one training batch.

    The model runs in evaluation mode, so batch norm's moving statistics are used and left alone,
    and dropout does not blur the gradient. Only the images are differentiated: weights receive no
    gradient through the result.

    Args:
        model: whose prediction is attacked.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: passed on to `loss`; integer [n] for the default, clean logits for TRADES.
        threat_model: what may be changed, in pixel space.
        steps: number of steps, at least 1; a scalar if it is a tensor.
        step_size: alpha in the units of epsilon, above 0; a scalar if it is a tensor.
        loss: maximised; sparse cross-entropy by default.
        start_std: standard deviation of a Gaussian start, pixel units; None starts uniformly
            in the ball.
        seed_generator: a `keras.random.SeedGenerator` for the random start. It is the caller's, so
            that it is saved with the training state and a resumed run continues the same stream.

    Returns:
        float32 of the images' shape, inside the `Ball` around the images.

    Raises:
        RobustnessError: steps, step size or seed generator are not as above.
    """
    _check_arguments(steps, step_size, seed_generator)
    loss = loss or tf.nn.sparse_softmax_cross_entropy_with_logits
    ball = Ball(images, threat_model.norm, threat_model.epsilon, threat_model.bounds)
    noise = _start_noise(tf.shape(images), threat_model, start_std, seed_generator)
    start = ball.project(images + noise)

    def one_step(step: tf.Tensor, adversarial: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(adversarial)
            objective = loss(labels, _logits(model, adversarial))
        gradient = tape.gradient(objective, adversarial)
        moved = adversarial + tf.cast(step_size, tf.float32) * ball.steepest(gradient)
        return step + 1, ball.project(moved)

    _, adversarial = tf.while_loop(
        lambda step, _: step < tf.cast(steps, tf.int32),
        one_step,
        (tf.constant(0), start),
    )
    return tf.stop_gradient(adversarial)


def _start_noise(
    shape: tf.Tensor,
    threat_model: ThreatModel,
    std: float | None,
    seed_generator: keras.random.SeedGenerator,
) -> tf.Tensor:
    """Returns this replica's rows of the noise that one device would draw for the whole batch.

    The generators of all replicas are in one state, so that rows of their own would get equal noise.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    rows = shape[0]
    shape = tf.concat([[rows * replicas], shape[1:]], axis=0)
    if std is None:
        noise = _in_the_ball(shape, threat_model, seed_generator)
    else:
        noise = keras.random.normal(shape, stddev=std, dtype="float32", seed=seed_generator)
    if replicas == 1:
        return noise
    first = rows * tf.distribute.get_replica_context().replica_id_in_sync_group
    return noise[first : first + rows]


def _in_the_ball(
    shape: tf.Tensor, threat_model: ThreatModel, seed_generator: keras.random.SeedGenerator
) -> tf.Tensor:
    """Draws one point of the ball around zero for each image, uniformly."""
    epsilon = threat_model.epsilon
    if threat_model.norm == "linf":
        return keras.random.uniform(shape, -epsilon, epsilon, dtype="float32", seed=seed_generator)
    directions = keras.random.normal(shape, dtype="float32", seed=seed_generator)
    lengths = tf.sqrt(tf.reduce_sum(tf.square(directions), axis=(1, 2, 3), keepdims=True))
    # A ball's volume grows with its radius to the power of its dimensions.
    dimensions = tf.cast(tf.reduce_prod(shape[1:]), tf.float32)
    volume = keras.random.uniform(tf.shape(lengths), dtype="float32", seed=seed_generator)
    return epsilon * volume ** (1.0 / dimensions) * directions / lengths


def _logits(model: Logits, images: tf.Tensor) -> tf.Tensor:
    is_keras = isinstance(model, keras.Layer)
    logits = model(images, training=False) if is_keras else model(images)
    return tf.cast(logits, tf.float32)


def _check_arguments(
    steps: int | tf.Tensor,
    step_size: float | tf.Tensor,
    seed_generator: keras.random.SeedGenerator,
) -> None:
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
