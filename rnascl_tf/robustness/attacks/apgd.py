"""APGD: gradient ascent with momentum that finds its own step size.

Croce and Hein (2020), arXiv 2003.01690, algorithm 1. From a random point x_0 of the ball, with eta
= 2 epsilon at first, alpha = 0.75 (1 in the first step) and the loss f:
    z_{k+1} = project(x_k + eta steepest(grad f(x_k)))
    x_{k+1} = project(x_k + alpha (z_{k+1} - x_k) + (1 - alpha) (x_k - x_{k-1}))
Checkpoints follow at shorter and shorter distances. There eta is halved for the images on which it
seems too large, and their paths continue from the best point so far.

Where the paper leaves room: the start is uniform in the ball (the authors' code scales it to the
surface, which in 3072 dimensions is 0.03% further out); a step counts as a rise if it ends above the
point where it started, also after a return to the best point; the second condition, no better point
since the last checkpoint, does not apply at the first one.
"""

import dataclasses
import itertools
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks.graph_attack import GraphAttack, Logits
from rnascl_tf.robustness.attacks.losses import FEWEST_CLASSES, Loss, cross_entropy
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import ThreatModel

# The paper's eta in units of epsilon, alpha, and rho: the share of steps that must raise the loss.
_FIRST_STEP = 2.0
_STEP_WEIGHT = 0.75
_NEEDED_RISES = 0.75


class _Path(NamedTuple):
    """Where each image's path stands: x_k, x_{k-1}, f(x_k) [n] and eta [n, 1, 1, 1]."""

    images: tf.Tensor
    previous: tf.Tensor
    loss: tf.Tensor
    step_size: tf.Tensor


class _Best(NamedTuple):
    """The point of highest loss so far, where a path returns to."""

    images: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor


class _Answer(NamedTuple):
    """The result so far: a misclassified point if there is one, else the point of highest loss."""

    images: tf.Tensor
    misclassified: tf.Tensor
    loss: tf.Tensor


class _Since(NamedTuple):
    """Rises since the last checkpoint; the best loss there, and whether eta was halved there."""

    rises: tf.Tensor
    best_loss: tf.Tensor
    halved: tf.Tensor


_State = TypeVar("_State", _Path, _Best, _Answer, tf.Tensor)


@dataclasses.dataclass(frozen=True)
class Ascent:
    """The graph of one path per image.

    Attributes:
        steps: number of steps.
        loss: (labels, logits, *targets) -> [n], maximised.
    """

    steps: int
    _: dataclasses.KW_ONLY
    loss: Loss

    def __call__(
        self,
        logits: Logits,
        ball: Ball,
        labels: tf.Tensor,
        directions: tf.Tensor,
        *targets: tf.Tensor,
    ) -> tf.Tensor:
        """Returns a misclassified point of each path, or its point of highest loss."""
        start = ball.start(directions)
        count = tf.shape(start)[0]
        lowest = tf.fill([count], -np.float32(np.inf))
        never = tf.fill([count], False)
        # The step to the start does not count as a rise.
        path = _Path(start, start, -lowest, tf.fill([count, 1, 1, 1], _FIRST_STEP * ball.epsilon))
        since = _Since(tf.zeros([count], tf.int32), lowest, never)
        needed_rises = tf.constant(self._needed_rises(), tf.float32)

        # The network is evaluated before each step and after the last, by code that is traced once.
        def one_step(
            step: tf.Tensor, path: _Path, best: _Best, answer: _Answer, since: _Since
        ) -> tuple[tf.Tensor, _Path, _Best, _Answer, _Since]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(path.images)
                outputs = logits(path.images)
                loss = self.loss(labels, outputs, *targets)
            gradient = tape.gradient(loss, path.images)
            misclassified = tf.argmax(outputs, axis=1) != labels
            answer = _better_answer(answer, _Answer(path.images, misclassified, loss))
            best = _selected(loss > best.loss, _Best(path.images, gradient, loss), best)
            since = since._replace(rises=since.rises + tf.cast(loss > path.loss, tf.int32))
            path = path._replace(loss=loss)
            path, gradient, since = _checked(needed_rises[step], path, gradient, best, since)
            weight = tf.where(step == 0, 1.0, _STEP_WEIGHT)
            return step + 1, _moved(ball, path, gradient, weight), best, answer, since

        best = _Best(start, tf.zeros_like(start), lowest)
        state = (0, path, best, _Answer(start, never, lowest), since)
        _, _, _, answer, _ = tf.while_loop(lambda step, *_: step <= self.steps, one_step, state)
        return answer.images

    def _needed_rises(self) -> np.ndarray:
        """For each step, the rises that a checkpoint there demands; -1 if there is no checkpoint."""
        needed = np.full(self.steps + 1, -1.0)
        for last, checkpoint in itertools.pairwise((0, *checkpoints(self.steps))):
            needed[checkpoint] = _NEEDED_RISES * (checkpoint - last)
        return needed


@dataclasses.dataclass(frozen=True)
class Apgd(Ascent, GraphAttack):
    """APGD on a loss that only needs the true class; one start."""

    graph_class: ClassVar[type] = Ascent

    @property
    def fewest_classes(self) -> int:
        """The smallest number of classes for which the loss is defined."""
        return FEWEST_CLASSES.get(self.loss, 2)

    def perturb(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        randomness: Randomness,
        attack_round: int,
    ) -> np.ndarray:
        """Returns the misclassified point of highest loss, else the point of highest loss.

        Images that are misclassified already are returned unchanged.

        Raises:
            RobustnessError: the model has too few classes for the loss.
        """
        clean_logits = logits.compiled(images)
        targets = self._targets(clean_logits, labels, attack_round)
        # Outside the graph, where an error of the loss keeps its one-line message.
        self.loss(labels, tf.constant(clean_logits), *targets)
        directions = randomness.directions(
            self.name, images.shape[1:], threat_model.norm, attack_round
        )
        adversarial = self.run_graph(logits, threat_model, images, labels, directions, *targets)
        misclassified = clean_logits.argmax(axis=1) != labels
        return np.where(misclassified[:, None, None, None], images, adversarial)

    def _targets(
        self, clean_logits: np.ndarray, labels: np.ndarray, attack_round: int
    ) -> tuple[np.ndarray, ...]:
        """Further arguments of the loss: none here."""
        del clean_logits, labels, attack_round
        return ()


def checkpoints(steps: int) -> list[int]:
    """Returns the numbers of steps after which the step sizes are checked.

    w_j = ceil(p_j steps) with p_0 = 0, p_1 = 0.22 and p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)
    (section 3.1 of the paper); of 100 steps, after 22, 41, 57, 70, 80, 87, 93 and 99.

    Args:
        steps: at least 1.

    Returns:
        Increasing integers from 1 to `steps`.
    """
    # In whole percent, because the ceiling of a rounded product could be one too high.
    percents: list[int] = []
    period = 22
    while sum(percents) + period <= 100:
        percents.append(period)
        period = max(period - 3, 6)
    ends = itertools.accumulate(percents)
    return sorted({-(-percent * steps // 100) for percent in ends})


def _checked(
    needed_rises: tf.Tensor, path: _Path, gradient: tf.Tensor, best: _Best, since: _Since
) -> tuple[_Path, tf.Tensor, _Since]:
    """At a checkpoint (needed_rises >= 0), halves step sizes and moves those paths to the best."""
    at_checkpoint = needed_rises >= 0.0
    too_few = tf.cast(since.rises, tf.float32) < needed_rises
    no_better = ~since.halved & (best.loss == since.best_loss)
    halved = at_checkpoint & (too_few | no_better)
    path = path._replace(
        images=_selected(halved, best.images, path.images),
        loss=_selected(halved, best.loss, path.loss),
        step_size=_selected(halved, path.step_size / 2.0, path.step_size),
    )
    gradient = _selected(halved, best.gradient, gradient)
    fresh = _Since(tf.zeros_like(since.rises), best.loss, halved)
    # All images at once, unlike the choices above.
    since = tf.nest.map_structure(lambda new, old: tf.where(at_checkpoint, new, old), fresh, since)
    return path, gradient, since


def _moved(ball: Ball, path: _Path, gradient: tf.Tensor, weight: tf.Tensor) -> _Path:
    """One step of algorithm 1; the new point's loss is not known yet."""
    step = ball.project(path.images + path.step_size * ball.steepest(gradient)) - path.images
    momentum = path.images - path.previous
    images = ball.project(path.images + weight * step + (1.0 - weight) * momentum)
    return path._replace(images=images, previous=path.images)


def _better_answer(answer: _Answer, candidate: _Answer) -> _Answer:
    found = candidate.misclassified & ~answer.misclassified
    alike = candidate.misclassified == answer.misclassified
    return _selected(found | (alike & (candidate.loss > answer.loss)), candidate, answer)


def _selected(chosen: tf.Tensor, these: _State, others: _State) -> _State:
    """The entries of `these` for the chosen images [n], else of `others`."""

    def select(this: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        return tf.where(tf.reshape(chosen, [-1] + [1] * (this.shape.rank - 1)), this, other)

    selected: _State = tf.nest.map_structure(select, these, others)
    return selected


APGD_CE = Apgd("apgd-ce", 100, loss=cross_entropy)
