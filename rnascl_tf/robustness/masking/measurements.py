"""The measurements for a masking verdict: what one model withstands, under different attacks.

Following Athalye et al. (2018), section 3.1, and Carlini et al. (2019), "On Evaluating Adversarial
Robustness", sections 5 and 6. All measurements use the same images and one seed.
"""

import dataclasses
import functools
import numbers
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnascl_tf.data.examples import evenly_spaced_rows
from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.losses import cross_entropy
from rnascl_tf.robustness.attacks.registry import ATTACKS, attack_named
from rnascl_tf.robustness.attacks.square import Square
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.evaluation import adversarial_images
from rnascl_tf.robustness.guard import check_examples, check_model
from rnascl_tf.robustness.logits_function import (
    NO_GRADIENT,
    AttackedModel,
    LogitsFunction,
    logits_function,
)
from rnascl_tf.robustness.threat_model import LARGEST_L2, RobustnessError, ThreatModel

PATH_STEPS = 20
PATH_STEP_FRACTION = 1 / 4
"""Step size in units of epsilon: the path of BIM, which is PGD-20 without its random start."""


@dataclasses.dataclass(frozen=True)
class Ascent:
    """The cross-entropy along gradient steps from the clean images.

    Attributes:
        gradients: float32 [m], the largest absolute entry of each clean image's input gradient; NaN
            if an entry is not finite.
        losses: float64 [steps + 1, m], in nats, at the clean image and after each step.
    """

    gradients: np.ndarray
    losses: np.ndarray


class MaskingMeasurements:
    """What one model withstands; each attack runs when its result is asked for.

    Args:
        model: a Keras model (called with training=False) or another callable, images -> logits.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: its epsilon must be above 0.
        teacher: a second model for the same classes, on which adversarial images are made; or None.
        examples: how many evenly spaced images are used; all if there are fewer.
        square_queries: number of Square's queries, at least 1.
        batch_size, seed, on_batch, strategy, model_id: see `Attacker`.
        state: a path without suffix. The results of the attacks are kept in two files whose names
            begin with it; an interrupted measurement resumes from them. None keeps no files.

    Attributes:
        count: how many images are used.
        threat_model: as above.
        large: a threat model whose ball contains the constant image half-way between the bounds, so
            that no model can be robust. (In L2 epsilon is at most 20, the largest that is accepted;
            no published model is robust there.)
        square_queries: as above.
        teacher_accuracy: the teacher's on the clean images; None without a teacher.
        classes: number of the model's classes.

    Raises:
        RobustnessError: the guard refuses model, images or labels; epsilon is 0; the model has no
            gradients; or a setting is out of range.
    """

    def __init__(
        self,
        model: AttackedModel,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        *,
        teacher: AttackedModel | None = None,
        examples: int = 200,
        square_queries: int = 1000,
        batch_size: int = 100,
        seed: int = 0,
        on_batch: Callable[[str, int, int], object] | None = None,
        strategy: tf.distribute.Strategy | None = None,
        state: Path | None = None,
        model_id: str | None = None,
    ) -> None:
        for name, value in (("examples", examples), ("square_queries", square_queries)):
            if not isinstance(value, numbers.Integral) or value < 1:
                raise RobustnessError(f"{name} is {value!r}; an integer >= 1 is needed.")
        if threat_model.epsilon == 0.0:
            raise RobustnessError(
                "epsilon is 0, where masking cannot hide anything; give the epsilon of the robust "
                "accuracy in question, such as 8/255."
            )
        settings: dict[str, Any] = {
            "batch_size": batch_size,
            "seed": seed,
            "on_batch": on_batch,
            "strategy": strategy,
        }
        images, labels = check_examples(images, labels, threat_model)
        rows = evenly_spaced_rows(min(int(examples), len(images)), len(images))
        images, labels = images[rows], labels[rows]
        self.threat_model = threat_model
        self.large = _large(threat_model, images.shape[1:])
        self.count = len(rows)
        self.square_queries = int(square_queries)

        def attacker_of(model: AttackedModel, at_epsilon: ThreatModel, name: str) -> Attacker:
            # The number of images is in the name, since a later call may ask for more.
            kept = state and state.with_name(f"{state.name}_{name}_{len(rows)}.npz")
            return Attacker(
                model, images, labels, at_epsilon, state=kept, model_id=model_id, **settings
            )

        self._attacker = attacker_of(model, threat_model, "near")
        self._attacker.check(ATTACKS["pgd20"])
        self._far_attacker = attacker_of(model, self.large, "far")
        logits = logits_function(model, strategy)
        if not isinstance(logits, LogitsFunction):
            raise RobustnessError(NO_GRADIENT)
        self._logits = logits
        self.classes = self._attacker.classes
        self._teacher = teacher
        self._settings = settings
        self.teacher_accuracy = None if teacher is None else self._accuracy_of(teacher, strategy)

    def _accuracy_of(
        self, teacher: AttackedModel, strategy: tf.distribute.Strategy | None
    ) -> Accuracy:
        images, labels = self._attacker.images, self._attacker.labels
        logits = logits_function(teacher, strategy)
        probe, _ = next(self._batches(np.arange(self.count)))
        try:
            check_model(logits.compiled, images[probe], labels, self.classes)
        except RobustnessError as error:
            raise RobustnessError(
                f"the teacher, on which adversarial images are made: {error}"
            ) from error
        predicted = [
            logits.compiled(images[padded]).argmax(axis=1)[:size]
            for padded, size in self._batches(np.arange(self.count))
        ]
        return Accuracy.of(np.concatenate(predicted) == labels)

    def clean(self) -> np.ndarray:
        """Returns bool [count]: classified correctly without an attack."""
        return self._attacker.clean()

    def withstood(self, attack_name: str) -> np.ndarray:
        """Returns bool [count]: classified correctly before and after an attack."""
        return self._attacker.withstood(attack_named(attack_name))

    def withstood_far(self, attack_name: str) -> np.ndarray:
        """Like `withstood`, with the epsilon of `large`."""
        return self._far_attacker.withstood(attack_named(attack_name))

    def withstood_square(self) -> np.ndarray:
        """Like `withstood`, for Square, which uses no gradient."""
        attack = Square(f"square{self.square_queries}", self.square_queries)
        return self._attacker.withstood(attack)

    def transferred(self, attack_name: str) -> np.ndarray:
        """Like `withstood`, for an attack on the teacher, whose results the model classifies.

        Raises:
            RobustnessError: there is no teacher.
        """
        if self._teacher is None:
            raise RobustnessError("there is no teacher to make adversarial images on; pass one.")
        attacker = self._attacker
        adversarial = adversarial_images(
            self._teacher,
            attacker.images,
            attacker.labels,
            self.threat_model,
            attack_name,
            **self._settings,
        )
        return self.clean() & (attacker.predicted(adversarial) == attacker.labels)

    def ascent(self) -> Ascent:
        """Follows the gradient from each correctly classified image."""
        scale = np.asarray(self.threat_model.std or 1.0, np.float32)
        climb = tf.function(functools.partial(_climb, self._logits, self.threat_model, scale))
        gradients, losses = [np.zeros(0, np.float32)], [np.zeros((PATH_STEPS + 1, 0))]
        for padded, size in self._batches(np.flatnonzero(self.clean())):
            steepness, heights = climb(
                tf.convert_to_tensor(self._attacker.images[padded]),
                tf.convert_to_tensor(self._attacker.labels[padded]),
            )
            gradients.append(steepness.numpy()[:size])
            losses.append(heights.numpy()[:, :size].astype(np.float64))
        return Ascent(np.concatenate(gradients), np.concatenate(losses, axis=1))

    def _batches(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Yields rows padded to one length, so that nothing is traced twice, and their true number."""
        length = min(int(self._settings["batch_size"]), self.count)
        length += -length % self._logits.replicas
        for begin in range(0, len(rows), length):
            part = rows[begin : begin + length]
            yield np.concatenate([part, np.repeat(part[:1], length - len(part))]), len(part)


def _climb(
    logits: LogitsFunction,
    threat_model: ThreatModel,
    scale: np.ndarray,
    images: tf.Tensor,
    labels: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the clean gradients' largest entries [n] and the losses [PATH_STEPS + 1, n]."""
    low, high = (tf.constant(bound, tf.float32) / scale for bound in threat_model.bounds)
    epsilon = tf.constant(threat_model.epsilon, tf.float64)
    ball = Ball(images / scale, threat_model.norm, epsilon, (low, high))

    def one_step(
        step: tf.Tensor, points: tf.Tensor, losses: tf.TensorArray, steepness: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, tf.TensorArray]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            loss = cross_entropy(labels, logits(points * scale))
        gradient = tape.gradient(loss, points)
        if gradient is None:
            # With rounding or a lookup no image has a gradient; the check then reports it.
            gradient = tf.fill(tf.shape(points), np.float32(np.nan))
        finite = tf.math.is_finite(gradient)
        gradient = tf.where(finite, gradient, 0.0)
        largest = tf.reduce_max(tf.abs(gradient), axis=(1, 2, 3))
        largest = tf.where(tf.reduce_all(finite, axis=(1, 2, 3)), largest, np.nan)
        moved = points + PATH_STEP_FRACTION * ball.epsilon * ball.steepest(gradient)
        losses, steepness = losses.write(step, loss), steepness.write(step, largest)
        return step + 1, ball.project(moved), losses, steepness

    losses = tf.TensorArray(tf.float32, PATH_STEPS + 1)
    steepness = tf.TensorArray(tf.float32, PATH_STEPS + 1)
    # One more step than the path has, for the loss at its end.
    _, _, losses, steepness = tf.while_loop(
        lambda step, *_: step <= PATH_STEPS, one_step, (0, ball.center, losses, steepness)
    )
    return steepness.stack()[0], losses.stack()


def _large(threat_model: ThreatModel, image_shape: tuple[int, ...]) -> ThreatModel:
    """The smallest ball that reaches the middle of the bounds from any image, if it is accepted."""
    low, high = threat_model.bounds
    std = np.asarray(threat_model.std or 1.0, np.float64)
    half = np.broadcast_to((high - low) / 2.0 / std, image_shape)
    epsilon, largest = float(half.max()), 1.0
    if threat_model.norm == "l2":
        epsilon, largest = float(np.sqrt(np.square(half).sum())), LARGEST_L2
    if threat_model.std is not None:
        largest /= min(threat_model.std)  # ThreatModel's limit
    epsilon = max(min(epsilon, largest), threat_model.epsilon)
    return dataclasses.replace(threat_model, epsilon=epsilon)
