"""Clean and robust accuracy of a model (DESIGN section 5, "Evaluation").

An image counts as robust to an attack when the model classifies it correctly before and after the
attack. Misclassified images are broken already and are not attacked. All batches have one shape
(the last one is padded), so each model compiles one forward pass and one gradient per loss.
"""

import numbers
import time

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks import (
    ATTACKS,
    CLEAN,
    check_differentiable,
    known_attacks,
    perturb,
    random_directions,
)
from rnascl_tf.robustness.guard import check_examples, check_model
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError
from rnascl_tf.robustness.wilson import wilson_interval


def evaluate(
    model, images, labels, threat_model, attacks, *, batch_size=100, seed=0, on_batch=None
):
    """Measures accuracy under each attack.

    Args:
        model: a Keras model (called with training=False) or another callable, images -> logits.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attacks: sequence of names: clean, fgsm, pgd20, mifgsm, cw.
        batch_size: images per batch, at least 1. At 1 the guard cannot see batch dependence.
        seed: integer >= 0; the same seed gives the same numbers, whatever ran before.
        on_batch: called as on_batch(attack, done, total) after each batch, counts in images; total
            leaves out the images that need no attack.

    Returns:
        {attack: record}, in the order asked for. A record is ready for JSON: "accuracy" (fraction
        of the n images still correct), "n", "interval" ([low, high], 95% Wilson), "epsilon" (0 for
        clean), "steps" (0 for clean), "space", "seed", "seconds".

    Raises:
        RobustnessError: unknown attack, or images, labels or model that the guard refuses.
    """
    names = known_attacks(attacks)
    evaluation = _Evaluation(model, images, labels, threat_model, batch_size, seed, on_batch)
    results = {}
    started = time.perf_counter()
    standing = evaluation.clean_outcomes()
    clean_seconds = time.perf_counter() - started
    for name in names:
        started = time.perf_counter()
        robust = standing if name == CLEAN else evaluation.attacked_outcomes(name, standing)
        seconds = clean_seconds if name == CLEAN else time.perf_counter() - started
        results[name] = {
            "accuracy": float(robust.mean()),
            "n": len(robust),
            "interval": list(wilson_interval(robust.sum(), len(robust))),
            "epsilon": 0.0 if name == CLEAN else threat_model.epsilon,
            "steps": 0 if name == CLEAN else ATTACKS[name].steps,
            "space": threat_model.space,
            "seed": int(seed),
            "seconds": seconds,
        }
    return results


def attack_outcomes(
    model, images, labels, threat_model, attack, *, batch_size=100, seed=0, on_batch=None
):
    """Says for each image whether the model withstands one attack.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attack: one name: clean, fgsm, pgd20, mifgsm, cw.
        batch_size: images per batch, at least 1.
        seed: integer >= 0.
        on_batch: as for `evaluate`.

    Returns:
        bool array [n], True where the image is classified correctly before and after the attack.

    Raises:
        RobustnessError: as `evaluate`.
    """
    (name,) = known_attacks([attack])
    evaluation = _Evaluation(model, images, labels, threat_model, batch_size, seed, on_batch)
    standing = evaluation.clean_outcomes()
    return standing if name == CLEAN else evaluation.attacked_outcomes(name, standing)


def adversarial_images(
    model, images, labels, threat_model, attack, *, batch_size=100, seed=0, on_batch=None
):
    """Attacks every image, also those that are misclassified already, and returns the results.

    For trying them on another model, such as an exported file that has no gradients.

    Args:
        model: as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        attack: one name: fgsm, pgd20, mifgsm, cw; "clean" returns the images.
        batch_size: images per batch, at least 1.
        seed: integer >= 0.
        on_batch: as for `evaluate`.

    Returns:
        float32 of the images' shape, within epsilon of them and inside the bounds.

    Raises:
        RobustnessError: as `evaluate`.
    """
    (name,) = known_attacks([attack])
    evaluation = _Evaluation(model, images, labels, threat_model, batch_size, seed, on_batch)
    return evaluation.perturbed_images(name)


class _Evaluation:
    """A checked model on checked images, cut into batches of one shape."""

    def __init__(self, model, images, labels, threat_model, batch_size, seed, on_batch):
        for name, value, least in (("batch_size", batch_size, 1), ("seed", seed, 0)):
            if not isinstance(value, numbers.Integral) or value < least:
                raise RobustnessError(f"{name} is {value!r}; an integer >= {least} is needed.")
        self._images, self._labels = check_examples(images, labels, threat_model)
        self._threat_model = threat_model
        self._seed = int(seed)
        self._on_batch = on_batch
        # A lone image is padded to two, or the guard could not see batch dependence.
        self._batch_size = min(int(batch_size), max(2, len(self._images)))
        self._logits = logits_function(model)
        probe = self._padded(np.arange(min(self._batch_size, len(self._images))))
        check_model(self._logits.compiled, self._images[probe], self._labels)

    def clean_outcomes(self):
        """Returns bool [n]: classified correctly as they are."""
        everything = np.arange(len(self._images))
        return self._outcomes(CLEAN, everything, lambda indices: self._images[indices])

    def attacked_outcomes(self, name, standing):
        """Returns bool [n]: classified correctly before (`standing`) and after the attack."""
        attack = ATTACKS[name]
        selected = np.flatnonzero(standing)
        if len(selected):
            probe = self._padded(selected[: self._batch_size])
            check_differentiable(attack, self._logits, self._images[probe], self._labels[probe])

        return self._outcomes(name, selected, lambda indices: self._perturbed(name, indices))

    def perturbed_images(self, name):
        """Returns every image after the attack, float32 [n, height, width, channels]."""
        if name == CLEAN:
            return self._images.copy()
        results = np.empty_like(self._images)
        total = len(self._images)
        for begin in range(0, total, self._batch_size):
            indices = np.arange(begin, min(begin + self._batch_size, total))
            results[indices] = self._perturbed(name, self._padded(indices))[: len(indices)]
            if self._on_batch is not None:
                self._on_batch(name, int(indices[-1]) + 1, total)
        return results

    def _perturbed(self, name, indices):
        directions = None
        if ATTACKS[name].random_start:
            directions = random_directions(name, self._seed, indices, self._images.shape[1:])
        return perturb(
            ATTACKS[name],
            self._logits,
            self._images[indices],
            self._labels[indices],
            self._threat_model,
            directions,
        )

    def _outcomes(self, name, selected, perturbed):
        correct = np.zeros(len(self._images), bool)
        for begin in range(0, len(selected), self._batch_size):
            indices = selected[begin : begin + self._batch_size]
            padded = self._padded(indices)
            logits = self._logits.compiled(tf.convert_to_tensor(perturbed(padded))).numpy()
            if not np.isfinite(logits).all():
                raise RobustnessError(
                    f"{name}: the model's logits hold NaN or infinity on image {padded[0]} or the "
                    f"{len(indices) - 1} after it; load a checkpoint from before it diverged."
                )
            predictions = logits.argmax(axis=1)[: len(indices)]
            correct[indices] = predictions == self._labels[indices]
            if self._on_batch is not None:
                self._on_batch(name, begin + len(indices), len(selected))
        return correct

    def _padded(self, indices):
        """Fills a short batch up by repeating its first image; the results are cut off again."""
        missing = self._batch_size - len(indices)
        return np.concatenate([indices, np.repeat(indices[:1], missing)])
