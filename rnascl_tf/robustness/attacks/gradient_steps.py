"""FGSM, BIM, PGD, MI-FGSM and CW L-inf: steps of cleverhans along the gradient of a loss J.

FGSM (Goodfellow et al., 2015), BIM (Kurakin et al., 2017), PGD (Madry et al., 2018) and CW in its
L-inf form (Carlini and Wagner, 2017), all with steps of length alpha in the norm:
    x_{k+1} = project(x_k + alpha steepest(grad J(x_k))),    steepest = sign for L-inf
MI-FGSM (Dong et al., 2018):
    g_{k+1} = mu g_k + grad J / mean|grad J|,   x_{k+1} = project(x_k + alpha steepest(g_{k+1}))
Gradient and step are cleverhans' own functions. Its loops are not used: they take no start and no
seed from outside, and inside a graph they would be unrolled into as many networks as steps.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from cleverhans.tf2.utils import compute_gradient, optimize_linear

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.threat_model import RobustnessError

_NORMS = {"linf": np.inf, "l2": 2}
# Without tf.function around it, which would keep every attacked model alive in a global cache.
_gradient = compute_gradient.python_function


@dataclasses.dataclass(frozen=True)
class GradientSteps(Attack):
    """One row of the table of attacks.

    Attributes:
        step_fraction: step size alpha in units of epsilon, above 0 and at most 1.
        random_start: whether the path starts uniformly at random in the ball, not at the image.
        loss: (labels, logits) -> [n], maximised.
        momentum: decay mu of the gradient's running sum; None for plain steps.
        restarts: how many starts are tried; above 1 only with a random one.
        stream: name of the random stream; the attack's own unless given.

    Raises:
        RobustnessError: a row outside these ranges.
    """

    step_fraction: float
    random_start: bool
    loss: Callable
    momentum: float | None = None
    restarts: int = 1
    stream: str = ""

    def __post_init__(self):
        if self.steps < 1 or not 0.0 < self.step_fraction <= 1.0:
            raise RobustnessError(
                f"{self.name}: {self.steps} steps of {self.step_fraction} epsilon; "
                "use at least one step and a fraction above 0 and at most 1."
            )
        if self.restarts < 1 or (self.restarts > 1 and not self.random_start):
            raise RobustnessError(
                f"{self.name}: {self.restarts} restarts; use 1, or more with a random start."
            )

    def rounds(self, classes):
        """One for each start."""
        del classes
        return self.restarts

    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        """Returns the last point of the path."""
        directions = np.zeros(0, np.float32)
        if self.random_start:
            directions = randomness.directions(
                self.stream or self.name, images.shape[1:], threat_model.norm, attack_round
            )
        return logits.attack(self._steps(), threat_model, images, labels, directions)

    def _steps(self):
        return _Steps(self.steps, self.step_fraction, self.random_start, self.loss, self.momentum)


@dataclasses.dataclass(frozen=True)
class _Steps:
    """The graph of one path; equal for attacks that differ in name and restarts only."""

    steps: int
    step_fraction: float
    random_start: bool
    loss: Callable
    momentum: float | None

    def __call__(self, logits, ball, labels, directions):
        start = ball.start(directions) if self.random_start else ball.center
        step_size = self.step_fraction * ball.epsilon

        def one_step(step, images, momentum):
            gradient = _gradient(logits, self.loss, images, labels, False)
            # cleverhans counts an L2 gradient shorter than 1e-6 as none; confident models have such.
            largest = tf.reduce_max(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
            gradient = tf.math.divide_no_nan(gradient, largest)
            if self.momentum is not None:
                mean = tf.reduce_mean(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
                gradient = self.momentum * momentum + tf.math.divide_no_nan(gradient, mean)
                momentum = gradient
            moved = images + optimize_linear(gradient, step_size, _NORMS[ball.norm])
            return step + 1, ball.project(moved), momentum

        _, adversarial, _ = tf.while_loop(
            lambda step, *_: step < self.steps,
            one_step,
            (0, start, tf.zeros_like(start)),
        )
        return ball.project(adversarial)
