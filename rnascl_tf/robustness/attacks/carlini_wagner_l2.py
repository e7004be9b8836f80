"""CW L2: the smallest change in L2 that a model misclassifies, by Adam in tanh space.

Source: Carlini and Wagner (2017), arXiv 1608.04644, section V and attack L2 of section VI, without
a target. With pixels x'(w) between the bounds by tanh(w), Adam minimises
    ||x'(w) - x||_2^2 + c max(z_y - max_{j != y} z_j + kappa, 0)
and c is searched for: times 10 until an image breaks, then by halving. cleverhans' own attack
cannot be used: it calls `optimizer.variables()`, a list in Keras 3, gives images each other's
constants, and its confidence is added to every logit alike, so it changes nothing. There is no
abort for lack of progress, because judged by a batch's sum it would tie images together too.
Tanh space all but freezes pixels at the bounds: on images of black and white only, 200 steps at
learning rate 0.01 find nothing, and at 0.03 as much as thousands do; with half of the pixels at
the bounds, 0.02 finds changes a fifth smaller than 0.01, and elsewhere equal ones.
"""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.attacks.losses import margin_loss
from rnascl_tf.robustness.threat_model import RobustnessError

_FIRST_DECAY, _SECOND_DECAY, _STABILITY = 0.9, 0.999, 1e-8
# Keeps atanh finite at the bounds, 7.3 there.
_INSIDE = 0.999999


@dataclasses.dataclass(frozen=True)
class CarliniWagnerL2(Attack):
    """A minimisation in L2; `steps` is the sum over all searches.

    Attributes:
        searches: values of c that are tried, each for steps / searches steps from the clean image.
        learning_rate: Adam's in tanh space, above 0.
        first_constant: the first c, above 0.
        confidence: kappa, by how much another class must lead, in logits, at least 0.

    Raises:
        RobustnessError: settings outside these ranges.
    """

    norms: ClassVar[tuple[str, ...]] = ("l2",)
    minimizes: ClassVar[bool] = True
    searches: int = 6
    learning_rate: float = 0.01
    first_constant: float = 0.01
    confidence: float = 0.0

    def __post_init__(self):
        if self.searches < 1 or self.steps < 1 or self.steps % self.searches:
            raise RobustnessError(
                f"{self.name}: {self.steps} steps in {self.searches} searches; use a number of "
                "steps above 0 that divides by the searches."
            )
        if not (self.learning_rate > 0.0 and self.first_constant > 0.0 and self.confidence >= 0.0):
            raise RobustnessError(
                f"{self.name}: learning rate {self.learning_rate}, first constant "
                f"{self.first_constant}, confidence {self.confidence}; the first two must be above "
                "0, the last at least 0."
            )

    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        """Returns the nearest misclassified images found, clean ones where there is none."""
        del randomness, attack_round
        search = _Search(
            self.searches,
            self.steps // self.searches,
            self.learning_rate,
            self.first_constant,
            self.confidence,
        )
        return logits.attack(search, threat_model, images, labels)


@dataclasses.dataclass(frozen=True)
class _Search:
    """The graph: a loop over c around Adam's loop, one traced step."""

    searches: int
    iterations: int
    learning_rate: float
    first_constant: float
    confidence: float

    def __call__(self, logits, ball, labels):
        middle = (ball.pixel_high + ball.pixel_low) / 2.0
        half = (ball.pixel_high - ball.pixel_low) / 2.0
        start = tf.atanh((ball.center - middle) / half * _INSIDE)

        def pixels(points):
            inside = middle + half * tf.tanh(points)
            return tf.clip_by_value(inside, ball.pixel_low, ball.pixel_high)

        def one_step(step, points, first, second, constant, found, best, best_distance):
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

        def one_search(search, constant, lower, upper, best, best_distance):
            zeros = tf.zeros_like(start)
            found = tf.zeros_like(constant, tf.bool)
            state = (0, start, zeros, zeros, constant, found, best, best_distance)
            *_, found, best, best_distance = tf.while_loop(
                lambda step, *_: step < self.iterations, one_step, state
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
