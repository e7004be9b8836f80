"""How a search's latency table compares with what the run exports and times."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import logging
from ml_collections import ConfigDict

from rnascl_tf.deploy import Timing
from rnascl_tf.deploy.latency.device import LocalDevice
from rnascl_tf.networks import LatencyTable, read_latency_table
from rnascl_tf.runs.run import Run

TOLERANCE = 0.05
"""How far from its target a measured student may be without a warning."""


def warn_of_table(config: ConfigDict) -> None:
    """Warns, before any training, of a table that predicts badly, or of files that are not exported."""
    table = read_latency_table(config.search.latency_table)
    if not table.is_reliable:
        check = table.check
        found = (
            f"median error {100 * check.median_error:.1f}%, rank correlation "
            f"{check.rank_correlation:.3f}"
            if check
            else "it was never checked"
        )
        logging.warning(
            "the latency table predicts random students too badly for a search (%s): measure it again "
            "when nothing else runs",
            found,
        )
    different = _why_not_compared(table, config.export)
    if different:
        logging.warning(
            "the latency table is of %s: this run will not export and time such files, and so not show "
            "whether the student meets its target",
            different,
        )


def note_predicted(run: Run, filters: Sequence[Sequence[int]]) -> None:
    """Puts into the record what the table is, and what it predicts for the student."""
    path = Path(run.config.search.latency_table)
    table = read_latency_table(path)
    predicted = table.predict(filters)
    run.record["latency_table"] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "kind": table.kind,
        "threads": table.threads,
        "device": table.device.to_json(),
        "check": table.check.to_json() if table.check else {},
        "predicted_ms": predicted,
        "target_ms": run.config.search.target_ms,
    }
    logging.info(
        "search: by the latency table of %s this student takes %.4g ms as %s",
        table.device.cpu,
        predicted,
        table.kind,
    )


def measured_beside_predicted(run: Run, kind: str, timing: Timing) -> dict[str, Any] | None:
    """Logs and returns how long an exported file takes, beside the prediction of the search's table.

    Args:
        run: a `Run` whose search stage has run.
        kind: of the file.
        timing: of the file.

    Returns:
        {"measured_ms", "predicted_ms", "target_ms"}, where measured_ms is `Timing.undisturbed_ms`, the
        statistic that tables are made of, and target_ms may be None. None where the search had no
        table, or one of another kind, number of threads or device.
    """
    if run.config.search.cost != "latency" or run.config.search.architecture:
        return None
    table = read_latency_table(run.config.search.latency_table)
    if kind != table.kind or _why_not_compared(table, run.config.export):
        return None
    found = {
        "measured_ms": timing.undisturbed_ms,
        "predicted_ms": table.predict(run.record["architecture"]["filters"]),
        "target_ms": run.config.search.target_ms,
    }
    wanted = found["target_ms"] or found["predicted_ms"]
    difference = found["measured_ms"] / wanted - 1
    logging.log(
        logging.WARNING if abs(difference) > TOLERANCE else logging.INFO,
        "export: %s takes %.4g ms, %+.1f%% of the %s %.4g ms (the latency table predicts %.4g ms)",
        kind,
        found["measured_ms"],
        100 * difference,
        "target's" if found["target_ms"] else "predicted",
        wanted,
        found["predicted_ms"],
    )
    return found


def _why_not_compared(table: LatencyTable, export: ConfigDict) -> str:
    """Returns how the table differs from the run's own timing, as text; empty if it does not."""
    cpu = LocalDevice().description.cpu
    return " and ".join(
        text
        for differs, text in (
            (
                table.kind not in export.kinds,
                f"{table.kind} files (add {table.kind} to --config.export.kinds)",
            ),
            (
                table.threads != export.threads,
                f"{table.threads} thread(s) (--config.export.threads={table.threads} times so)",
            ),
            (
                not table.device.is_local or table.device.cpu != cpu,
                f"another device ({table.device.cpu}; rnascl latency --device=adb times there)",
            ),
        )
        if differs
    )
