"""CW L2: the smallest change in L2 that a model misclassifies, by Adam in tanh space.

Source: Carlini and Wagner (2017), arXiv 1608.04644, section V and attack L2 of section VI, without
a target. With pixels x'(w) between the bounds by tanh(w), Adam minimises
    ||x'(w) - x||_2^2 + c max(z_y - max_{j != y} z_j + kappa, 0)
and c is searched for: multiplied by 10 until an image breaks, then by bisection.

cleverhans' own attack cannot be used. It calls `optimizer.variables()`, which is a list in Keras 3; it
mixes up the constants of different images; and it adds its confidence to all logits, which changes
nothing. The search is never aborted for lack of progress: measured on a batch's sum, that would make
an image's result depend on the others.

In tanh space pixels at the bounds hardly move. On images of black and white only, 200 steps at
learning rate 0.01 find nothing, and at 0.03 as much as thousands do. With half of the pixels at the
bounds, 0.02 finds changes that are a fifth smaller than with 0.01; on other images they are equal.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks.graph_attack import GraphAttack, Logits
from rnascl_tf.robustness.attacks.losses import margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

_FIRST_DECAY, _SECOND_DECAY, _STABILITY = 0.9, 0.999, 1e-8
# Keeps atanh finite at the bounds, where it becomes 7.3.
_INSIDE = 0.999999


@dataclasses.dataclass(frozen=True)
class ConstantSearch:
    """The graph: a loop over c around Adam's loop, with one traced step.

    Attributes:
        steps: the sum over all searches.
        searches: values of c that are tried, each for steps / searches steps from the clean image.
        learning_rate: Adam's in tanh space, above 0.
        first_constant: the first c, above 0.
        confidence: kappa, by how much another class must lead, in logits, at least 0.
    """

    steps: int
    _: dataclasses.KW_ONLY
    searches: int = 6
    learning_rate: float = 0.01
    first_constant: float = 0.01
    confidence: float = 0.0

    def __call__(self, logits: Logits, ball: Ball, labels: tf.Tensor) -> tf.Tensor:
        """Returns the nearest misclassified images, or the clean ones where there are none."""
        middle = (ball.pixel_high + ball.pixel_low) / 2.0
        half = (ball.pixel_high - ball.pixel_low) / 2.0
        start = tf.atanh((ball.center - middle) / half * _INSIDE)

        def pixels(points: tf.Tensor) -> tf.Tensor:
            inside = middle + half * tf.tanh(points)
            return tf.clip_by_value(inside, ball.pixel_low, ball.pixel_high)

        def one_step(
            step: tf.Tensor,
            points: tf.Tensor,
            first: tf.Tensor,
            second: tf.Tensor,
            constant: tf.Tensor,
            found: tf.Tensor,
            best: tf.Tensor,
            best_distance: tf.Tensor,
        ) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(points)
                images = pixels(points)
                distance = tf.reduce_sum(tf.square(images - ball.center), axis=(1, 2, 3))
                lead = margin_loss(labels, logits(images))
                cost = distance + constant * tf.nn.relu(self.confidence - lead)
            gradient = tape.gradient(cost, points)
            broken = lead > self.confidence
            nearer = broken & (distance < best_distance)
            best = tf.where(nearer[:, None, None, None], images, best)
            best_distance = tf.where(nearer, distance, best_distance)
            first = _FIRST_DECAY * first + (1.0 - _FIRST_DECAY) * gradient
            second = _SECOND_DECAY * second + (1.0 - _SECOND_DECAY) * tf.square(gradient)
            count = tf.cast(step + 1, tf.float32)
            length = tf.sqrt(second / (1.0 - _SECOND_DECAY**count)) + _STABILITY
            points -= self.learning_rate * first / (1.0 - _FIRST_DECAY**count) / length
            return step + 1, points, first, second, constant, found | broken, best, best_distance

        def one_search(
            search: tf.Tensor,
            constant: tf.Tensor,
            lower: tf.Tensor,
            upper: tf.Tensor,
            best: tf.Tensor,
            best_distance: tf.Tensor,
        ) -> tuple[tf.Tensor, ...]:
            zeros = tf.zeros_like(start)
            found = tf.zeros_like(constant, tf.bool)
            state = (0, start, zeros, zeros, constant, found, best, best_distance)
            *_, found, best, best_distance = tf.while_loop(
                lambda step, *_: step < self.steps // self.searches, one_step, state
            )
            upper = tf.where(found, constant, upper)
            lower = tf.where(found, lower, constant)
            unbounded = tf.math.is_inf(upper)
            constant = tf.where(unbounded, 10.0 * constant, (lower + upper) / 2.0)
            return search + 1, constant, lower, upper, best, best_distance

        zeros = tf.zeros_like(ball.center[:, 0, 0, 0])
        endless = zeros + float("inf")
        *_, best, _ = tf.while_loop(
            lambda search, *_: search < self.searches,
            one_search,
            (0, zeros + self.first_constant, zeros, endless, ball.center, endless),
        )
        return best


@dataclasses.dataclass(frozen=True)
class CarliniWagnerL2(ConstantSearch, GraphAttack):
    """A minimisation in L2.

    Raises:
        RobustnessError: settings outside the ranges of `ConstantSearch`.
    """

    graph_class: ClassVar[type] = ConstantSearch
    norms: ClassVar[tuple[str, ...]] = ("l2",)
    minimizes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.searches < 1 or self.steps % self.searches:
            raise RobustnessError(
                f"{self.name}: {self.steps} steps in {self.searches} searches; use a number of "
                "searches that divides the steps."
            )
        if not (self.learning_rate > 0.0 and self.first_constant > 0.0 and self.confidence >= 0.0):
            raise RobustnessError(
                f"{self.name}: learning rate {self.learning_rate}, first constant "
                f"{self.first_constant}, confidence {self.confidence}; the first two must be above "
                "0, the last at least 0."
            )

    def perturb(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        randomness: Randomness,
        attack_round: int,
    ) -> np.ndarray:
        """Returns the nearest misclassified images, or the clean ones where none was found."""
        del randomness, attack_round
        return self.run_graph(logits, threat_model, images, labels)


# Digits have many pixels at the bounds, which hardly move in tanh space: twice the usual rate.
CARLINI_WAGNER_L2 = CarliniWagnerL2("cwl2", 1200, learning_rate=0.02)
