"""How far an exported file's logits are from those of the model that it was made from."""

import dataclasses

import numpy as np
import numpy.typing as npt

from rnascl_tf.deploy.errors import DeployError


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The logits of two models on the same images, compared.

    Attributes:
        n: number of images.
        top1: fraction of images, 0 to 1, for which both predict the same class.
        max_difference: largest absolute difference of a logit.
    """

    n: int
    top1: float
    max_difference: float


def agreement(reference_logits: npt.ArrayLike, logits: npt.ArrayLike) -> Agreement:
    """Compares two models' logits.

    Args:
        reference_logits: float [n, classes], n 1 or more.
        logits: float [n, classes].

    Raises:
        DeployError: the shapes differ or are not [n, classes], or a logit is not finite.
    """
    reference_logits = np.asarray(reference_logits, np.float64)
    logits = np.asarray(logits, np.float64)
    if reference_logits.shape != logits.shape or logits.ndim != 2 or not logits.size:
        raise DeployError(
            "logits must be two arrays of the same shape [n, classes], got "
            f"{reference_logits.shape} and {logits.shape}."
        )
    if not (np.isfinite(reference_logits).all() and np.isfinite(logits).all()):
        raise DeployError(
            "some logits are NaN or infinite, so they cannot be compared: check the model first."
        )
    same = reference_logits.argmax(axis=1) == logits.argmax(axis=1)
    difference = np.abs(reference_logits - logits).max()
    return Agreement(len(logits), float(same.mean()), float(difference))
