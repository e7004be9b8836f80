"""FAB-T: the targeted Fast Adaptive Boundary attack, which looks for the smallest change.

Croce and Hein (2020), arXiv 1907.02044, algorithm 1, with one target class t per round as in
AutoAttack (Croce and Hein, 2020, arXiv 2003.01690). For the true class y and d(z) = z_t - z_y, one
step linearises the boundary d = 0 at x_k, projects x_k and the clean image x onto it inside the
pixel bounds (changes c_k and c), and goes
    x_{k+1} = (1 - a) (x_k + eta c_k) + a (x + eta c),    a = min(|c_k| / (|c_k| + |c|), alpha_max)
A misclassified point is a candidate for the smallest change, and the path continues from
x + beta (x_{k+1} - x). Epsilon plays no role.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks.graph_attack import GraphAttack, Logits
from rnascl_tf.robustness.attacks.hyperplane import smallest_change
from rnascl_tf.robustness.attacks.losses import margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.attacks.targeted_attack import TargetedAttack
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

FINAL_STEPS = 3
"""Steps of the final search, as in the paper."""

FINAL_OVERSHOOT = 0.1
"""Each of these steps aims beyond the expected boundary, by this share of the remaining distance.
Exactly on the boundary, rounding would decide on which side the point falls."""

SAFE_MARGIN = 1e-5
"""Smallest margin of a misclassified point, in units of its largest logit. The logits of an image
differ by about 1e-6 between graphs and batches, and it must be misclassified in all of them."""

SHORTEST = 1e-8
"""Smallest length in the weight a. With a zero gradient both lengths are zero, and the path then
falls back towards the clean image."""


@dataclasses.dataclass(frozen=True)
class FabPath:
    """The graph of one round.

    Attributes:
        steps: number of steps.
        alpha_max: largest weight of the path that starts at the clean image, 0 to 1.
        eta: overshoot over the linearised boundary, at least 1.
        beta: share of the change that is kept after a misclassified point, above 0 and at most 1.
    """

    steps: int
    _: dataclasses.KW_ONLY
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9

    def __call__(
        self, logits: Logits, ball: Ball, labels: tf.Tensor, target_rank: tf.Tensor
    ) -> tf.Tensor:
        """Returns the nearest misclassified points, or the clean images where there are none."""
        clean_outputs = logits(ball.center)
        targets = _likely_wrong_class(labels, clean_outputs, target_rank)
        clean_margins = _excess_margins(labels, clean_outputs)
        nothing_found = tf.fill(tf.shape(clean_margins), tf.constant(float("inf"), tf.float64))

        def one_step(
            step: tf.Tensor,
            images: tf.Tensor,
            nearest: tf.Tensor,
            nearest_margins: tf.Tensor,
            distances: tf.Tensor,
        ) -> tuple[tf.Tensor, ...]:
            images = self._towards_boundary(logits, ball, labels, targets, images)
            margins = _excess_margins(labels, logits(images))
            misclassified = margins > 0.0
            lengths = _lengths(_changes(ball, images), ball.norm)
            nearer = misclassified & (lengths < distances)
            nearest = tf.where(_per_image(nearer), images, nearest)
            nearest_margins = tf.where(nearer, margins, nearest_margins)
            distances = tf.where(nearer, lengths, distances)
            back = ball.center + self.beta * (images - ball.center)
            images = tf.where(_per_image(misclassified), back, images)
            return step + 1, images, nearest, nearest_margins, distances

        _, _, nearest, nearest_margins, _ = tf.while_loop(
            lambda step, *_: step < self.steps,
            one_step,
            (
                0,
                ball.center,
                ball.center,
                clean_margins,
                # Nothing is nearer than the clean image, if that is misclassified.
                tf.where(clean_margins <= 0.0, nothing_found, 0.0),
            ),
        )
        return _pulled_back(logits, ball, labels, clean_margins, nearest, nearest_margins)

    def _towards_boundary(
        self,
        logits: Logits,
        ball: Ball,
        labels: tf.Tensor,
        targets: tf.Tensor,
        images: tf.Tensor,
    ) -> tf.Tensor:
        """One step of algorithm 1, before it is known whether the new point is misclassified."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            outputs = logits(images)
            differences = tf.gather(outputs, targets, axis=1, batch_dims=1) - tf.gather(
                outputs, labels, axis=1, batch_dims=1
            )
        normals = _flat(tape.gradient(differences, images))
        changes = _changes(ball, images)
        # Twice the safe margin: a path often approaches its goal from the correct side and stops when
        # its steps become too short for float32, and there it must have passed d = safe.
        rises = tf.cast(2.0 * _safe_margin(outputs) - differences, tf.float64)
        count = tf.shape(images)[0]
        both = smallest_change(
            tf.concat([_flat(images), _flat(ball.center)], axis=0),
            tf.concat([normals, normals], axis=0),
            # <w, c> = r seen from x_k, which is <w, c> = r + <w, x_k - x> seen from x.
            tf.concat([rises, rises + tf.reduce_sum(normals * changes, axis=1)], axis=0),
            _flat(tf.broadcast_to(ball.pixel_low, tf.shape(images[:1]))),
            _flat(tf.broadcast_to(ball.pixel_high, tf.shape(images[:1]))),
            ball.norm,
        )
        lengths = tf.maximum(_lengths(both, ball.norm), SHORTEST)
        from_here, from_clean = both[:count], both[count:]
        weights = tf.minimum(lengths[:count] / (lengths[:count] + lengths[count:]), self.alpha_max)
        weights = weights[:, tf.newaxis]
        moved = (1.0 - weights) * (changes + self.eta * from_here)
        moved += weights * self.eta * from_clean
        moved = tf.reshape(_flat(ball.center) + moved, tf.shape(images))
        return tf.clip_by_value(tf.cast(moved, tf.float32), ball.pixel_low, ball.pixel_high)


@dataclasses.dataclass(frozen=True)
class FabTargeted(FabPath, TargetedAttack, GraphAttack):
    """FAB towards one wrong class after the other, from the most likely on.

    Raises:
        RobustnessError: a value outside the ranges of `FabPath` or `TargetedAttack`.
    """

    graph_class: ClassVar[type] = FabPath
    minimizes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0.0 <= self.alpha_max <= 1.0 <= self.eta and 0.0 < self.beta <= 1.0):
            raise RobustnessError(
                f"{self.name}: alpha_max {self.alpha_max}, eta {self.eta}, beta {self.beta}; use "
                "alpha_max in [0, 1], eta of at least 1 and beta in (0, 1]: 0.1, 1.05 and 0.9."
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
        """Returns the nearest misclassified images, or the clean ones where none was found.

        They lie inside the pixel bounds, at any distance. FAB without restarts draws no random
        numbers: the same arguments give the same images.
        """
        del randomness
        return self.run_graph(logits, threat_model, images, labels, tf.constant(attack_round))


def _pulled_back(
    logits: Logits,
    ball: Ball,
    labels: tf.Tensor,
    clean_margins: tf.Tensor,
    nearest: tf.Tensor,
    nearest_margins: tf.Tensor,
) -> tf.Tensor:
    """Moves misclassified images towards the clean ones, up to the boundary: the final search.

    Regula falsi: the margin is taken as linear between a correctly classified and a misclassified
    point; the point where it would then be zero replaces the one on its side of the boundary.
    """
    changes = _changes(ball, nearest)

    def one_step(
        step: tf.Tensor,
        outer: tf.Tensor,
        outer_margins: tf.Tensor,
        inner: tf.Tensor,
        inner_margins: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        crossing = tf.math.divide_no_nan(-inner_margins, outer_margins - inner_margins)
        shares = inner + (crossing + FINAL_OVERSHOOT * (1.0 - crossing)) * (outer - inner)
        margins = _excess_margins(labels, logits(_along(ball, changes, shares)))
        misclassified = margins > 0.0
        return (
            step + 1,
            tf.where(misclassified, shares, outer),
            tf.where(misclassified, margins, outer_margins),
            tf.where(misclassified, inner, shares),
            tf.where(misclassified, inner_margins, margins),
        )

    whole = tf.ones_like(clean_margins)
    _, outer, *_ = tf.while_loop(
        lambda step, *_: step < FINAL_STEPS,
        one_step,
        (0, whole, nearest_margins, tf.zeros_like(whole), clean_margins),
    )
    return tf.where(_per_image(outer < whole), _along(ball, changes, outer), nearest)


def _along(ball: Ball, changes: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """The float32 images at these shares of the changes, inside the bounds."""
    images = _flat(ball.center) + shares[:, tf.newaxis] * changes
    images = tf.cast(tf.reshape(images, tf.shape(ball.center)), tf.float32)
    return tf.clip_by_value(images, ball.pixel_low, ball.pixel_high)


def _likely_wrong_class(labels: tf.Tensor, outputs: tf.Tensor, rank: tf.Tensor) -> tf.Tensor:
    """The wrong class with the rank-th largest logit, counted from 0; int64 [n]."""
    wrong = tf.where(
        tf.one_hot(labels, tf.shape(outputs)[1], on_value=True, off_value=False),
        outputs.dtype.min,
        outputs,
    )
    order = tf.argsort(wrong, axis=1, direction="DESCENDING", stable=True)
    return tf.cast(tf.gather(order, rank, axis=1), tf.int64)


def _excess_margins(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """max_{j != y} z_j - z_y minus the safe margin: above 0 if surely misclassified; float64 [n]."""
    return tf.cast(margin_loss(labels, outputs) - _safe_margin(outputs), tf.float64)


def _safe_margin(outputs: tf.Tensor) -> tf.Tensor:
    return SAFE_MARGIN * tf.reduce_max(tf.abs(outputs), axis=1)


def _changes(ball: Ball, images: tf.Tensor) -> tf.Tensor:
    """The images minus the clean ones, float64 [n, d]."""
    return _flat(images) - _flat(ball.center)


def _lengths(changes: tf.Tensor, norm: str) -> tf.Tensor:
    """The norm of each row, [n]."""
    if norm == "linf":
        return tf.reduce_max(tf.abs(changes), axis=1)
    return tf.sqrt(tf.reduce_sum(tf.square(changes), axis=1))


def _flat(images: tf.Tensor) -> tf.Tensor:
    """float64 [n, d]."""
    return tf.cast(tf.reshape(images, (tf.shape(images)[0], -1)), tf.float64)


def _per_image(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, (-1, 1, 1, 1))


FAB_T = FabTargeted("fab-t", 100)
