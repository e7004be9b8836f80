"""One model on one set of images, attacked batch by batch (docs/design.md, "Evaluation").

An image counts as robust to an attack when the model classifies it correctly before and after the
attack. Misclassified images are broken already and are not attacked; images that one round of an
attack has broken are left out of the next. All batches have one shape (the last one is padded), so
each attack is compiled once.
"""

import contextlib
import functools
import numbers
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from rnascl_tf.robustness.attacks.attack import Attack, Cascade
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.attacks.registry import CLEAN
from rnascl_tf.robustness.classification_margin import margins
from rnascl_tf.robustness.evaluation_identity import evaluation_identity
from rnascl_tf.robustness.folding import folded
from rnascl_tf.robustness.guard import check_attack, check_examples, check_model
from rnascl_tf.robustness.logits_function import AttackedModel, logits_function
from rnascl_tf.robustness.outcomes import AttackOutcome, Outcomes
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

# One rounding of a pixel value. In normalised space pixels are scaled there and back, which rounds by
# some 4e-7 of that space.
DISTANCE_TOLERANCE, NORMALIZED_TOLERANCE = 1e-7, 1e-6

OnBatch: TypeAlias = Callable[[str, int, int], None]
"""(attack, done, total), called after each batch."""

_Perturbed: TypeAlias = Callable[[np.ndarray, int], np.ndarray]
"""(rows, round) -> the perturbed images of those rows."""


class Attacker:
    """A checked model on checked images.

    Args:
        model: a Keras model (called with training=False), another callable images -> logits, or a
            `BlackBoxFunction`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what the attacks may change.
        batch_size: images per batch, at least 1.
        seed: 0 or more; the same seed gives the same numbers, whatever ran before.
        on_batch: counts in images times rounds, without the images that need no attack.
        strategy: a `tf.distribute.Strategy` whose replicas share each batch, or None.
        state: file that outcomes are kept in, see `Outcomes`; None keeps nothing.
        model_id: text that identifies the model in the state file; a hash of the weights of a Keras
            model unless given.
        classes: of the data set, or None if that is not known.

    Attributes:
        classes: number of the model's classes.
        outcomes: the `Outcomes`.
        folded_batch_norms: how many batch norms are folded into convolutions, see `folding`.

    Raises:
        RobustnessError: settings, images, labels, model or state file that are refused.
    """

    def __init__(
        self,
        model: AttackedModel,
        images: np.ndarray,
        labels: np.ndarray,
        threat_model: ThreatModel,
        *,
        batch_size: int = 64,
        seed: int = 0,
        on_batch: OnBatch | None = None,
        strategy: Any = None,
        state: Path | None = None,
        model_id: str | None = None,
        classes: int | None = None,
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("seed", seed, 0)):
            if not isinstance(value, numbers.Integral) or value < least:
                raise RobustnessError(f"{name} is {value!r}; an integer >= {least} is needed.")
        self.images, self.labels = check_examples(images, labels, threat_model)
        self.threat_model = threat_model
        self.seed = int(seed)
        self._on_batch = on_batch
        self._logits = logits_function(model, strategy)
        # A lone image is padded to two, or the guard could not see batch dependence.
        self._batch_size = min(int(batch_size), max(2, len(self.images)))
        self._batch_size += -self._batch_size % self._logits.replicas
        probe = self.images[self._padded(np.arange(min(self._batch_size, len(self.images))))]
        # Under a strategy Keras' variables are read on a replica; one pass there is what is compared.
        eager = getattr(self._logits, "eager", None) if strategy is None else None
        self.classes = check_model(self._logits.compiled, probe, self.labels, classes, eager)
        self.folded_batch_norms = 0
        if isinstance(model, keras.Model):
            # Kept here, because the function refers to its model weakly.
            with strategy.scope() if strategy else contextlib.nullcontext():
                self._model, self.folded_batch_norms = folded(model, probe)
            self._logits = logits_function(self._model, strategy)
        identity = {}
        if state is not None:
            examples = (self.images, self.labels)
            identity = evaluation_identity(model, model_id, *examples, threat_model, self.seed)
        self.outcomes = Outcomes(state, identity)

    def clean(self) -> np.ndarray:
        """Returns bool [n]: classified correctly as they are."""
        everything = np.ones(len(self.images), bool)
        outcome = self.outcomes.of(CLEAN, CLEAN, everything)
        self._finish(CLEAN, outcome, 1, lambda indices, _: self.images[indices])
        return outcome.standing.copy()

    def withstood(self, attack: Attack | Cascade, among: np.ndarray | None = None) -> np.ndarray:
        """Attacks the images that are classified correctly.

        Args:
            attack: a cascade's members attack what the ones before them left.
            among: bool [n], the only images that are attacked; None: all.

        Returns:
            bool array [n], True where an image is classified correctly before and after the attack.

        Raises:
            RobustnessError: the attack does not fit model or norm, or logits become NaN.
        """
        self.check(attack)
        standing = self.clean() if among is None else self.clean() & among
        for member in attack.members:
            name = attack.key(member)
            outcome = self.outcomes.of(name, member.definition(), standing)
            self._finish(
                name,
                outcome,
                member.rounds(self.classes),
                functools.partial(self._perturbed, member),
            )
            standing = outcome.standing
        return standing.copy()

    @property
    def has_gradient(self) -> bool:
        """Whether attacks that need gradients can do anything."""
        return self._logits.has_gradient(self.images)

    def check(self, attack: Attack | Cascade) -> None:
        """Raises RobustnessError unless the attack fits model, threat model and the state file."""
        for member in attack.members:
            check_attack(member, self.threat_model, self._logits, self.classes)
            self.outcomes.check(attack.key(member), member.definition())

    def perturbed(self, attack: Attack) -> np.ndarray:
        """Returns every image after the attack's first round, also those misclassified already."""
        self.check(attack)
        results = np.empty_like(self.images)
        total = len(self.images)
        for begin in range(0, total, self._batch_size):
            indices = np.arange(begin, min(begin + self._batch_size, total))
            results[indices] = self._perturbed(attack, self._padded(indices), 0)[: len(indices)]
            self._report(attack.name, int(indices[-1]) + 1, total)
        return results

    def predicted(self, images: np.ndarray) -> np.ndarray:
        """Returns the classes, int64 [n], that the model gives to other images of the same number."""
        parts = [
            np.arange(begin, min(begin + self._batch_size, len(images)))
            for begin in range(0, len(images), self._batch_size)
        ]
        return np.concatenate(
            [
                self._logits.compiled(images[self._padded(part)])[: len(part)].argmax(axis=1)
                for part in parts
            ]
        )

    def _perturbed(self, attack: Attack, indices: np.ndarray, attack_round: int) -> np.ndarray:
        images = self.images[indices]
        if self.threat_model.epsilon == 0.0:
            return images
        adversarial = attack.perturb(
            self._logits,
            images,
            self.labels[indices],
            self.threat_model,
            Randomness(self.seed, indices),
            attack_round,
        )
        distances = self.threat_model.distances(adversarial, images)
        tolerance = NORMALIZED_TOLERANCE if self.threat_model.std else DISTANCE_TOLERANCE
        outside = distances > self.threat_model.epsilon + tolerance
        if attack.minimizes:
            return np.where(outside[:, None, None, None], images, adversarial)
        low, high = self.threat_model.bounds
        if outside.any() or not (low <= adversarial.min() and adversarial.max() <= high):
            raise RuntimeError(
                f"{attack.name} left the threat model: distance {distances.max()} at epsilon "
                f"{self.threat_model.epsilon}, pixels {adversarial.min()} to {adversarial.max()}."
            )
        return adversarial

    def _finish(
        self, name: str, outcome: AttackOutcome, rounds: int, perturbed: _Perturbed
    ) -> None:
        """Completes an outcome from wherever it stands."""
        if outcome.finished:
            return
        attacked = max(1, int(outcome.standing.sum()) if outcome.round == 0 else 0)
        while outcome.round < rounds:
            selected = np.flatnonzero(outcome.standing_before)
            attacked = max(attacked, len(selected))
            while outcome.done < len(selected):
                started = time.perf_counter()
                indices = selected[outcome.done : outcome.done + self._batch_size]
                found = self._margins(name, indices, perturbed, outcome.round)
                outcome.margin[indices] = np.minimum(outcome.margin[indices], found)
                outcome.standing[indices] &= found > 0.0
                outcome.done += len(indices)
                outcome.seconds += time.perf_counter() - started
                self.outcomes.save(now=False)
                share = outcome.done / len(selected)
                done = round((outcome.round + share) * attacked)
                self._report(name, done, rounds * attacked)
            outcome.round += 1
            outcome.done = 0
            outcome.standing_before = outcome.standing.copy()
        outcome.finished = True
        self.outcomes.save()

    def _margins(
        self, name: str, indices: np.ndarray, perturbed: _Perturbed, attack_round: int
    ) -> np.ndarray:
        """Returns z_y - max z_j of the perturbed images [m]; 0 or less is broken."""
        padded = self._padded(indices)
        logits = self._logits.compiled(perturbed(padded, attack_round))
        if not np.isfinite(logits).all():
            self.outcomes.save()
            raise RobustnessError(
                f"{name}: the model's logits hold NaN or infinity on image {padded[0]} or the "
                f"{len(indices) - 1} after it; load a checkpoint from before it diverged."
            )
        return margins(logits[: len(indices)], self.labels[indices])

    def _report(self, name: str, done: int, total: int) -> None:
        if self._on_batch is not None:
            self._on_batch(name, done, total)

    def _padded(self, indices: np.ndarray) -> np.ndarray:
        """Fills a short batch up by repeating its first image; the results are cut off again.

        To two images where batches may have any size, and else to the one size that is traced.
        """
        missing = max(0, (2 if self._logits.any_size else self._batch_size) - len(indices))
        return np.concatenate([indices, np.repeat(indices[:1], missing)])
