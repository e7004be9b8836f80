"""How far a classification is from breaking, as every part of an evaluation judges it."""

import numpy as np


def margins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns z_y - max_{j != y} z_j; above 0 exactly where the image is classified correctly.

    Args:
        logits: float32 [n, classes], z.
        labels: integer [n], the true classes y.

    Returns:
        float32 [n]. Ties go to the first class, as in argmax: a tie that it wins counts as the
        smallest positive number.
    """
    rows = np.arange(len(logits))
    true = logits[rows, labels]
    correct = logits.argmax(axis=1) == labels
    others = logits.copy()
    others[rows, labels] = -np.inf
    found = true - others.max(axis=1)
    return np.where(correct, np.maximum(found, np.finfo(np.float32).tiny), found)
