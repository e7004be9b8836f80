"""How decided a search is: entropy of its probabilities and when its choices last changed.

NumPy functions of the arrays in a `SearchDiagnostics`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rnascl_tf.training import SearchDiagnostics


def mean_entropy(probabilities: npt.ArrayLike) -> np.ndarray:
    """Returns the mean entropy of the rows at each epoch, in nats.

    Args:
        probabilities: float [E, rows, choices], each row a distribution; rows of fewer choices end
            in NaN. Zeros count as 0 log 0 = 0.

    Returns:
        float64 [E], from 0 (every row decided) to the mean log of the numbers of choices.

    Raises:
        ValueError: another rank, or no row.
    """
    rows = _checked(probabilities)
    known = np.where(rows > 0, rows, 1.0)  # 1 log 1 = 0; NaN compares as False
    return -(known * np.log(known)).sum(axis=-1).mean(axis=-1)


def last_changes(probabilities: npt.ArrayLike, epoch: npt.ArrayLike) -> np.ndarray:
    """Returns for each row the epoch that last changed its most probable choice.

    Args:
        probabilities: float [E, rows, choices], as in `mean_entropy`, E at least 1.
        epoch: int [E], counted from 0.

    Returns:
        int64 [rows], epochs counted from 1 as plots and tables do; 0 where the choice after the
        first recorded epoch is that after every other. Of equal probabilities the first counts.

    Raises:
        ValueError: another rank, no row, no epoch, or another number of epochs.
    """
    tables, epochs = _checked(probabilities), np.asarray(epoch)
    if epochs.shape != tables.shape[:1] or not len(epochs):
        raise ValueError(
            f"wanted one epoch for each of {len(tables)} tables, at least one; got shape "
            f"{epochs.shape}."
        )
    chosen = np.nanargmax(tables, axis=-1)
    changed = np.zeros(chosen.shape, np.int64)
    changed[1:] = np.where(chosen[1:] != chosen[:-1], epochs[1:, None] + 1, 0)
    return changed.max(axis=0)


def summarize_search(diagnostics: SearchDiagnostics) -> dict[str, Any]:
    """Returns the record's `search_diagnostics`, ready for JSON.

    Args:
        diagnostics: of at least one epoch.

    Returns:
        {"epochs": E, "tutors": facts, "filters": facts}, without "tutors" where none was searched.
        The facts: `rows`, `entropy_first`, `entropy_last` (nats), `entropy_limit` (when nothing is
        learnt), `last_change_median`, `last_change_maximum` (epochs from 1, 0 = never); of tutors
        also `distinct`, how many teacher layers are some student layer's most probable tutor.
    """
    found: dict[str, Any] = {"epochs": len(diagnostics.epoch)}
    if diagnostics.tutors.shape[1]:
        found["tutors"] = _facts(diagnostics.tutors, diagnostics.epoch)
        found["tutors"]["distinct"] = len(np.unique(diagnostics.tutors[-1].argmax(axis=-1)))
    return found | {"filters": _facts(diagnostics.filters, diagnostics.epoch)}


def _facts(probabilities: np.ndarray, epoch: np.ndarray) -> dict[str, Any]:
    entropy = mean_entropy(probabilities)
    changes = last_changes(probabilities, epoch)
    choices = np.isfinite(probabilities[-1]).sum(axis=-1)
    return {
        "rows": len(changes),
        "entropy_first": float(entropy[0]),
        "entropy_last": float(entropy[-1]),
        "entropy_limit": float(np.log(choices).mean()),
        "last_change_median": float(np.median(changes)),
        "last_change_maximum": int(changes.max()),
    }


def _checked(probabilities: npt.ArrayLike) -> np.ndarray:
    tables = np.asarray(probabilities, np.float64)
    if tables.ndim != 3 or not tables.shape[1]:
        raise ValueError(
            f"probabilities must be [epochs, rows, choices] of at least one row, got shape "
            f"{tables.shape}."
        )
    return tables
