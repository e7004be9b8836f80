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
from typing import ClassVar

import numpy as np
import tensorflow as tf
from cleverhans.tf2.utils import compute_gradient, optimize_linear

from rnascl_tf.robustness.attacks.graph_attack import GraphAttack, Logits
from rnascl_tf.robustness.attacks.losses import Loss, cross_entropy, margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

_NORMS = {"linf": np.inf, "l2": 2}
# The function inside its tf.function, whose global cache would keep every attacked model alive.
_gradient = compute_gradient.python_function


@dataclasses.dataclass(frozen=True)
class GradientPath:
    """The graph of one path per image. Number and size of the steps are inputs of the graph.

    Attributes:
        random_start: whether the path starts uniformly at random in the ball, not at the image.
        loss: (labels, logits) -> [n], maximised.
        momentum: decay mu of the gradient's running sum; None for plain steps.
    """

    _: dataclasses.KW_ONLY
    random_start: bool
    loss: Loss
    momentum: float | None = None

    def __call__(
        self,
        logits: Logits,
        ball: Ball,
        labels: tf.Tensor,
        directions: tf.Tensor,
        steps: tf.Tensor,
        step_fraction: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the last point of each path; directions are read for a random start only.

        Args:
            logits: images -> logits.
            ball: the allowed images.
            labels: integer [n].
            directions: float32 of the images' shape, see `Ball.start`; empty without a random start.
            steps: int32 scalar.
            step_fraction: float32 scalar, see `StepLength`.
        """
        start = ball.start(directions) if self.random_start else ball.center
        step_size = step_fraction * ball.epsilon

        def one_step(
            step: tf.Tensor, images: tf.Tensor, momentum: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            gradient = _gradient(logits, self.loss, images, labels, False)
            # For cleverhans an L2 gradient shorter than 1e-6 is zero; confident models have such.
            largest = tf.reduce_max(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
            gradient = tf.math.divide_no_nan(gradient, largest)
            if self.momentum is not None:
                mean = tf.reduce_mean(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
                gradient = self.momentum * momentum + tf.math.divide_no_nan(gradient, mean)
                momentum = gradient
            moved = images + optimize_linear(gradient, step_size, _NORMS[ball.norm])
            return step + 1, ball.project(moved), momentum

        _, adversarial, _ = tf.while_loop(
            lambda step, *_: step < steps,
            one_step,
            (0, start, tf.zeros_like(start)),
        )
        return ball.project(adversarial)


@dataclasses.dataclass(frozen=True)
class StepLength:
    """The length of an attack's steps; a class of its own for the order of fields in `definition`.

    Attributes:
        step_fraction: step size alpha in units of epsilon, above 0 and at most 1.
    """

    _: dataclasses.KW_ONLY
    step_fraction: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class GradientSteps(GradientPath, StepLength, GraphAttack):
    """Paths from one or several starts.

    Attributes:
        restarts: how many starts are tried; more than 1 only with a random start.
        stream: name of the random stream; if empty, the attack's name.

    Raises:
        RobustnessError: a value outside these ranges or those of `StepLength`.
    """

    graph_class: ClassVar[type] = GradientPath
    restarts: int = 1
    stream: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.step_fraction <= 1.0:
            raise RobustnessError(
                f"{self.name}: steps of {self.step_fraction} epsilon; use a fraction above 0 and at "
                "most 1."
            )
        if self.restarts < 1 or (self.restarts > 1 and not self.random_start):
            raise RobustnessError(
                f"{self.name}: {self.restarts} restarts; use 1, or more with a random start."
            )

    def rounds(self, classes: int) -> int:
        """One for each start."""
        del classes
        return self.restarts

    def perturb(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        randomness: Randomness,
        attack_round: int,
    ) -> np.ndarray:
        """Returns the last point of the path."""
        directions = np.zeros(0, np.float32)
        if self.random_start:
            directions = randomness.directions(
                self.stream or self.name, images.shape[1:], threat_model.norm, attack_round
            )
        steps, fraction = tf.constant(self.steps), tf.constant(self.step_fraction)
        return self.run_graph(logits, threat_model, images, labels, directions, steps, fraction)


# Steps and step sizes are the paper's; BIM has those of PGD.
FGSM = GradientSteps("fgsm", 1, step_fraction=1.0, random_start=False, loss=cross_entropy)
BIM = GradientSteps("bim", 20, step_fraction=1 / 4, random_start=False, loss=cross_entropy)
PGD20 = GradientSteps("pgd20", 20, step_fraction=1 / 4, random_start=True, loss=cross_entropy)
MI_FGSM = GradientSteps(
    "mifgsm", 20, step_fraction=1 / 10, random_start=False, loss=cross_entropy, momentum=1.0
)
CARLINI_WAGNER = GradientSteps("cw", 20, step_fraction=1 / 4, random_start=True, loss=margin_loss)


def pgd(name: str, steps: int, restarts: int = 1) -> GradientSteps:
    """Returns PGD with any number of steps and restarts.

    Its step size is that of Madry et al. (2018), 2.5 epsilon / steps, which lets the path cross the
    ball, but at most epsilon / 4. With 20 steps it is the larger one of the paper, epsilon / 4.
    """
    return GradientSteps(
        name,
        steps,
        step_fraction=1 / 4 if steps == 20 else min(1 / 4, 2.5 / steps),
        random_start=True,
        loss=cross_entropy,
        restarts=restarts,
        # The first restart is the attack without restarts, so more can only lower the accuracy.
        stream=f"pgd{steps}",
    )
