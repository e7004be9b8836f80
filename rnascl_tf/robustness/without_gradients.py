"""Robust accuracy of a model that only answers, such as a file for a device.

Two attacks need no gradients of it: images that were made on another model, usually the one it was
made from, and Square, which asks the model itself (Andriushchenko et al. 2020). Neither alone is
enough. Rounding to integers turns the loss into steps that hide little from transferred images, but a
file may differ from its origin just where those images lie; Square looks there, slowly. An image
counts as robust if it withstands both.
"""

import dataclasses
import hashlib

import numpy as np

from rnascl_tf.data.examples import evenly_spaced_rows
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.square import Square


@dataclasses.dataclass(frozen=True)
class Withstood:
    """What happened to each image.

    Attributes:
        clean: bool [n], classified correctly as they are.
        transferred: bool [n], and also all their adversarial images of the other model.
        rows: integer [k], the images that Square was tried on if they withstood the others; all n
            without Square.
        worst: bool [k], of those the ones that withstood everything.
        asked: how many of the k Square attacked, None without it.
    """

    clean: np.ndarray
    transferred: np.ndarray
    rows: np.ndarray
    worst: np.ndarray
    asked: int | None


def withstood_without_gradients(
    model,
    images,
    labels,
    threat_model,
    adversarial,
    *,
    square_examples,
    square_queries,
    batch_size=100,
    seed=0,
    on_batch=None,
    state=None,
    model_id=None,
):
    """Attacks a model by its answers alone.

    Args:
        model: as for `Attacker`, usually a `BlackBoxFunction`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: a `ThreatModel`.
        adversarial: list of float32 arrays of the images' shape, made on another model.
        square_examples: how many evenly spaced images Square is tried on, at most n; 0: none.
        square_queries: how often it may ask for each, 1 or more.
        batch_size: see `Attacker`.
        seed: see `Attacker`. An image's random numbers do not depend on what else is attacked, so that
            two models meet the same ones.
        on_batch: see `Attacker`.
        state: path of the file that Square's outcomes are kept in, see `Attacker`: it is by far the
            slowest. Its stem gets a hash of the images that are left to Square behind it, so that
            other adversarial images begin a file of their own.
        model_id: see `Attacker`.

    Returns:
        A `Withstood`.

    Raises:
        RobustnessError: what the guard refuses, or the state file.
    """
    settings = {"batch_size": batch_size, "seed": seed, "on_batch": on_batch}
    attacker = Attacker(model, images, labels, threat_model, **settings)
    clean = attacker.clean()
    transferred = clean.copy()
    for moved in adversarial:
        transferred &= attacker.predicted(moved) == attacker.labels
    count = min(square_examples, len(images))
    if not count:
        rows = np.arange(len(images))
        return Withstood(clean, transferred, rows, transferred, None)
    rows = evenly_spaced_rows(count, len(images))
    among = transferred[rows]
    if state is not None:
        left = hashlib.sha256(among.tobytes()).hexdigest()[:8]
        state = state.with_stem(f"{state.stem}_{left}")
    # A batch is filled up to its size, and each of its images asks a file one by one.
    settings["batch_size"] = min(batch_size, max(int(among.sum()), 1))
    kept = {"state": state, "model_id": model_id}
    few = Attacker(model, images[rows], labels[rows], threat_model, **settings, **kept)
    worst = few.withstood(Square(f"square{square_queries}", square_queries), among)
    return Withstood(clean, transferred, rows, worst, int(among.sum()))
