"""Robust accuracy of a model that only answers, such as a file for a device.

Two attacks need no gradients of it: images made on another model, usually the one that it was made
from, and Square, which asks the model itself (Andriushchenko et al. 2020). Neither alone is enough.
Rounding to integers hides little from transferred images, but a file may differ from its origin just
where those images lie. Square looks there, slowly. An image counts as robust if it withstands both.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnascl_tf.data.examples import evenly_spaced_rows
from rnascl_tf.robustness.attacker import Attacker, OnBatch
from rnascl_tf.robustness.attacks.square import Square
from rnascl_tf.robustness.logits_function import AttackedModel
from rnascl_tf.robustness.threat_model import ThreatModel


@dataclasses.dataclass(frozen=True)
class Withstood:
    """What happened to each image.

    Attributes:
        clean: bool [n], classified correctly as they are.
        transferred: bool [n], and also all their adversarial images of the other model.
        rows: integer [k], the images that Square was tried on if they withstood the others; all n
            without Square.
        worst: bool [k], which of those withstood everything.
        asked: number of the k images that Square attacked, None without it.
    """

    clean: np.ndarray
    transferred: np.ndarray
    rows: np.ndarray
    worst: np.ndarray
    asked: int | None


def withstood_without_gradients(
    model: AttackedModel,
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    adversarial: Sequence[np.ndarray],
    *,
    square_examples: int,
    square_queries: int,
    batch_size: int = 100,
    seed: int = 0,
    on_batch: OnBatch | None = None,
    state: Path | None = None,
    model_id: str | None = None,
) -> Withstood:
    """Attacks a model by its answers alone.

    Args:
        model: as for `Attacker`, usually a `BlackBoxFunction`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what may be changed.
        adversarial: float32 arrays of the images' shape, made on another model.
        square_examples: number of evenly spaced images that Square is tried on, at most n.
        square_queries: of Square for each image, 1 or more.
        batch_size: see `Attacker`.
        seed: see `Attacker`. An image's random numbers do not depend on what else is attacked, so two
            models meet the same ones.
        on_batch: see `Attacker`.
        state: path of the file that Square's outcomes are kept in, see `Attacker`: Square is by far
            the slowest. A hash of the images that are left to Square is appended to its stem, so that
            other adversarial images begin another file.
        model_id: see `Attacker`.

    Raises:
        RobustnessError: what the guard refuses, or the state file.
    """
    settings: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "on_batch": on_batch}
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
    kept: dict[str, Any] = {"state": state, "model_id": model_id}
    few = Attacker(model, images[rows], labels[rows], threat_model, **settings, **kept)
    worst = few.withstood(Square(f"square{square_queries}", square_queries), among)
    return Withstood(clean, transferred, rows, worst, int(among.sum()))
