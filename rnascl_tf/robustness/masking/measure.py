"""What a masking verdict rests on: one model's answers to attacks of different kinds.

After Athalye et al. (2018), section 3.1, and Carlini et al. (2019), "On Evaluating Adversarial
Robustness", sections 5 and 6. All measurements are of the same images and one seed.
"""

import dataclasses
import functools
import numbers

import numpy as np
import tensorflow as tf

from rnascl_tf.data.examples import evenly_spaced_rows
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.losses import cross_entropy
from rnascl_tf.robustness.attacks.registry import ATTACKS, attack_named
from rnascl_tf.robustness.attacks.square import Square
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.evaluation import adversarial_images
from rnascl_tf.robustness.guard import check_examples, check_model
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import LARGEST_L2, RobustnessError

PATH_STEPS = 20
PATH_STEP_FRACTION = 1 / 4
"""Step size in parts of epsilon: the path is BIM's, PGD-20 without its random start."""


@dataclasses.dataclass(frozen=True)
class Ascent:
    """What the cross-entropy does along gradient steps from the clean images.

    Attributes:
        gradients: float32 [m], the largest absolute entry of each clean image's input gradient, NaN
            where one is not finite.
        losses: float64 [steps + 1, m], at the clean image and after each step, nats.
    """

    gradients: np.ndarray
    losses: np.ndarray


class Measure:
    """A model, images, and the attacks that the checks of `masking` compare.

    Args:
        model: a Keras model (called with training=False) or another callable, images -> logits.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`, its epsilon above 0.
        teacher: a second model of the same classes, attacked in the model's place, or None.
        examples: how many images are used, evenly spaced; all if there are fewer.
        square_queries: of Square, at least 1.
        batch_size, seed, on_batch, strategy, model_id: see `Attacker`.
        state: path without suffix; what each attack on the model has found is kept in two files of
            that beginning, which a killed measurement goes on from. None to keep none.

    Attributes:
        count: how many images are used.
        threat_model: as above.
        large: a `ThreatModel` that holds the constant image half-way between the bounds, so that no
            model can be robust in it (as far as thresholds are accepted: 20 for L2, where
            nothing published is robust).
        square_queries: as above.
        has_teacher: whether `transferred` can be measured.
        teacher_correct: how many of the images the teacher classifies correctly, None without one.
        classes: number of the model's classes.

    Raises:
        RobustnessError: what the guard refuses, epsilon 0, a model without gradients, or settings
            out of range.
    """

    def __init__(
        self,
        model,
        images,
        labels,
        threat_model,
        *,
        teacher=None,
        examples=200,
        square_queries=1000,
        batch_size=100,
        seed=0,
        on_batch=None,
        strategy=None,
        state=None,
        model_id=None,
    ):
        for name, value in (("examples", examples), ("square_queries", square_queries)):
            if not isinstance(value, numbers.Integral) or value < 1:
                raise RobustnessError(f"{name} is {value!r}; an integer >= 1 is needed.")
        if threat_model.epsilon == 0.0:
            raise RobustnessError(
                "epsilon is 0: there is nothing that masking could hide; give the epsilon of the "
                "robust accuracy in question, as 8/255."
            )
        settings = {
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
        self.has_teacher = teacher is not None

        def attacker_of(model, at_epsilon, name):
            # More images may be asked for later; the fewer that are known are then another file's.
            kept = state and state.with_name(f"{state.name}_{name}_{len(rows)}.npz")
            return Attacker(
                model, images, labels, at_epsilon, state=kept, model_id=model_id, **settings
            )

        self._attacker = attacker_of(model, threat_model, "near")
        self._attacker.check(ATTACKS["pgd20"])
        self._far_attacker = attacker_of(model, self.large, "far")
        self._logits = logits_function(model, strategy)
        self.classes = self._attacker.classes
        self._teacher = teacher
        self._settings = settings
        self.teacher_correct = None if teacher is None else self._teacher_correct(strategy)

    def _teacher_correct(self, strategy):
        images, labels = self._attacker.images, self._attacker.labels
        logits = logits_function(self._teacher, strategy)
        probe, _ = next(self._batches(np.arange(self.count)))
        try:
            check_model(logits.compiled, images[probe], labels, self.classes)
        except RobustnessError as error:
            raise RobustnessError(
                f"the teacher, whose images the model is shown: {error}"
            ) from error
        predicted = [
            logits.compiled(images[padded]).argmax(axis=1)[:size]
            for padded, size in self._batches(np.arange(self.count))
        ]
        return int((np.concatenate(predicted) == labels).sum())

    def clean(self):
        """Returns bool [count]: classified correctly as they are."""
        return self._attacker.clean()

    def withstood(self, attack_name):
        """Returns bool [count]: classified correctly before and after an attack.

        Args:
            attack_name: as for `attack_named`.
        """
        return self._attacker.withstood(attack_named(attack_name))

    def withstood_far(self, attack_name):
        """As `withstood`, with the epsilon of `large`."""
        return self._far_attacker.withstood(attack_named(attack_name))

    def withstood_square(self):
        """As `withstood`, for Square, which uses no gradient."""
        attack = Square(f"square{self.square_queries}", self.square_queries)
        return self._attacker.withstood(attack)

    def transferred(self, attack_name):
        """As `withstood`, for an attack on the teacher whose images are shown to the model."""
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

    def ascent(self):
        """Follows the gradient from each correctly classified image; returns an `Ascent`."""
        scale = np.asarray(self.threat_model.deviation or 1.0, np.float32)
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

    def _batches(self, rows):
        """Yields rows padded to one length, so that nothing is traced twice, and how many count."""
        length = min(int(self._settings["batch_size"]), self.count)
        length += -length % self._logits.replicas
        for begin in range(0, len(rows), length):
            part = rows[begin : begin + length]
            yield np.concatenate([part, np.repeat(part[:1], length - len(part))]), len(part)


def _climb(logits, threat_model, scale, images, labels):
    """Returns the clean gradients' largest entries [n] and the losses [PATH_STEPS + 1, n]."""
    bounds = [tf.constant(bound, tf.float32) / scale for bound in threat_model.bounds]
    epsilon = tf.constant(threat_model.epsilon, tf.float64)
    ball = Ball(images / scale, threat_model.norm, epsilon, bounds)

    def one_step(step, points, losses, steepness):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            loss = cross_entropy(labels, logits(points * scale))
        gradient = tape.gradient(loss, points)
        if gradient is None:
            # Rounding, a lookup: no image has a gradient, and the check is to say so.
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
    # One step more than the path has, for the loss at its end.
    _, _, losses, steepness = tf.while_loop(
        lambda step, *_: step <= PATH_STEPS, one_step, (0, ball.center, losses, steepness)
    )
    return steepness.stack()[0], losses.stack()


def _large(threat_model, image_shape):
    """The ball around any image that reaches the middle of the bounds, or the largest accepted."""
    low, high = threat_model.bounds
    deviation = np.asarray(threat_model.deviation or 1.0, np.float64)
    half = np.broadcast_to((high - low) / 2.0 / deviation, image_shape)
    epsilon, largest = float(half.max()), 1.0
    if threat_model.norm == "l2":
        epsilon, largest = float(np.sqrt(np.square(half).sum())), LARGEST_L2
    if threat_model.deviation is not None:
        largest /= min(threat_model.deviation)  # as ThreatModel's own limit
    epsilon = max(min(epsilon, largest), threat_model.epsilon)
    return dataclasses.replace(threat_model, epsilon=epsilon)
