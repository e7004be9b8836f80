"""The attacks that trainings train on, inside a training step's graph.

    x_{k+1} = project(x_k + alpha steepest(grad_x J(x_k)))

steepest(g) is sign(g) in L-inf and g / ||g||_2 in L2. The attacks differ in start, steps and J:

- `pgd`, Madry et al. (2018): J is the cross-entropy, x_0 uniform in the ball.
- `trades`, Zhang et al. (2019), algorithm 1: J(x') = KL(p(x) || p(x')) with p(x) held fixed,
  x_0 = x + 0.001 N(0, 1).
- `fgsm_rs`, Wong et al. (2020): x_0 uniform in the ball, one step of 1.25 epsilon, projected.
- `n_fgsm`, de Jorge et al. (2022): x_0 uniform in a ball of 2 epsilon, one step of epsilon, and no
  projection to the ball: the noise is more than the attack adds, which keeps a single step from
  catastrophic overfitting.

The steps are a `tf.while_loop`: one step is traced, whatever their number.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal, TypeAlias

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
class AttackKind:
    """What an attack of this name is.

    Attributes:
        against: what it changes: the loss of the "labels", or the "prediction" of the clean images,
            as in TRADES.
        start_radius: of the uniform start, in parts of epsilon; None: a Gaussian start, that of
            TRADES.
        step_fraction: size of its single step in parts of epsilon; None: steps and their size are
            the training's to choose.
        projected: whether its images lie in the ball; bounds of the pixels are always kept.
    """

    against: Literal["labels", "prediction"] = "labels"
    start_radius: float | None = 1.0
    step_fraction: float | None = None
    projected: bool = True


ATTACK_KINDS = {
    "n_fgsm": AttackKind(start_radius=2.0, step_fraction=1.0, projected=False),
    "fgsm_rs": AttackKind(step_fraction=1.25),
    "pgd": AttackKind(),
    "trades": AttackKind(against="prediction", start_radius=None),
}
"""The attacks by the names of `train.attack`, `search.attack` and `teacher.adversarial`."""


@dataclasses.dataclass(frozen=True)
class TrainingAttack:
    """The inner attacker of an adversarial training.

    Attributes:
        name: a key of `ATTACK_KINDS`.
        threat_model: a `ThreatModel`, its epsilon above 0.
        seed_generator: a `keras.random.SeedGenerator` of the random starts, see
            `projected_gradient`.
        steps: number of gradient steps, at least 1; a single-step attack takes one.
        step_fraction: size of one step in parts of epsilon, above 0; a single-step attack has its
            own.
    """

    name: str
    threat_model: ThreatModel
    seed_generator: keras.random.SeedGenerator
    steps: int = 10
    step_fraction: float = 0.25

    @property
    def kind(self) -> AttackKind:
        """What the attack of this name is."""
        return ATTACK_KINDS[self.name]

    @property
    def single_step(self) -> bool:
        """Whether it takes one step on the labels, and may break down by catastrophic overfitting."""
        return self.kind.against == "labels" and (
            self.kind.step_fraction is not None or self.steps == 1
        )

    def __call__(self, model: Logits, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns the attacked images, float32 of the images' shape, without a gradient.

        Args:
            model: as for `projected_gradient`.
            images: float32 [n, height, width, channels].
            labels: integer [n].
        """
        kind, loss = self.kind, None
        if kind.against == "prediction":
            # Once, not in each step: the weights and the clean images stand still during the attack.
            labels = tf.stop_gradient(_logits(model, images))
            loss = prediction_divergence
        single = kind.step_fraction is not None
        return projected_gradient(
            model,
            images,
            labels,
            self.threat_model,
            1 if single else self.steps,
            (kind.step_fraction or self.step_fraction) * self.threat_model.epsilon,
            loss,
            start_radius=kind.start_radius or 0.0,
            start_std=TRADES_START_STD if kind.start_radius is None else None,
            projected=kind.projected,
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
    start_radius: float = 1.0,
    start_std: float | None = None,
    projected: bool = True,
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
        start_radius: of the uniform start around the images, in parts of epsilon.
        start_std: standard deviation of a Gaussian start, pixel units, in place of the uniform one.
        projected: whether start and steps are projected to the ball; without it the pixel bounds
            alone are kept.
        seed_generator: a `keras.random.SeedGenerator` for the random start. It is the caller's, so
            that it is saved with the training state and a resumed run continues the same stream.

    Returns:
        float32 of the images' shape, inside the `Ball` around the images if `projected`.

    Raises:
        RobustnessError: steps, step size or seed generator are not as above.
    """
    _check_arguments(steps, step_size, seed_generator)
    loss = loss or tf.nn.sparse_softmax_cross_entropy_with_logits
    ball = Ball(images, threat_model.norm, threat_model.epsilon, threat_model.bounds)
    noise = _start_noise(tf.shape(images), threat_model, start_radius, start_std, seed_generator)
    low, high = threat_model.bounds
    allowed = ball.project if projected else lambda images: tf.clip_by_value(images, low, high)
    start = allowed(images + noise)

    def one_step(step: tf.Tensor, adversarial: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(adversarial)
            objective = loss(labels, _logits(model, adversarial))
        gradient = tape.gradient(objective, adversarial)
        moved = adversarial + tf.cast(step_size, tf.float32) * ball.steepest(gradient)
        return step + 1, allowed(moved)

    _, adversarial = tf.while_loop(
        lambda step, _: step < tf.cast(steps, tf.int32),
        one_step,
        (tf.constant(0), start),
    )
    return tf.stop_gradient(adversarial)


def _start_noise(
    shape: tf.Tensor,
    threat_model: ThreatModel,
    radius: float,
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
        noise = radius * _in_the_ball(shape, threat_model, seed_generator)
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
