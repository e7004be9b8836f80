"""The times of TFLite files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rich.table

from rnascl_tf import deploy
from rnascl_tf.report.table_style import titled_table


def timing_table(results: Sequence[deploy.TimedFile], cpu: str) -> rich.table.Table:
    """Returns a table with one row for each file and number of threads.

    Args:
        results: of any files and numbers of threads.
        cpu: name of the processor.
    """
    table = titled_table(f"One image at a time on {cpu}, milliseconds")
    table.add_column("file")
    for column in ("threads", "p50", "p90", "p95", "mean", "to the first", "load", "first run"):
        table.add_column(column, justify="right")
    table.add_column("added MiB", justify="right")
    several = len({row.file for row in results}) > 1
    for row in results:
        latency, cold_start = row.timing.latency, row.cold_start
        middle, low, high = row.ratio
        table.add_row(
            row.file,
            str(latency.threads),
            _shown(latency.p50_ms),
            _shown(latency.p90_ms),
            _shown(latency.p95_ms),
            _shown(latency.mean_ms),
            f"{middle:.2f} ({low:.2f} to {high:.2f})" if several else "-",
            _shown(cold_start.load_ms),
            _shown(cold_start.first_ms),
            f"{cold_start.peak_bytes / 2**20:.1f}" if cold_start.peak_bytes else "-",
        )
    return table


def delegation_lines(
    name: str, size: int, delegation: deploy.Delegation, is_local: bool
) -> Iterator[str]:
    """Yields a file's size and its share of XNNPACK, and what would enlarge that share.

    Args:
        name: of the file.
        size: of the file, in bytes.
        delegation: of the file.
        is_local: whether the interpreter that divided it is also the one that was timed.
    """
    total, left = sum(delegation.operators.values()), sum(delegation.not_delegated.values())
    operators = ", ".join(f"{count} {name}" for name, count in delegation.operators.items())
    # The device's own interpreter may divide it otherwise; benchmark_model does not say how.
    where = "" if is_local else " by the interpreter here"
    yield (
        f"{name}: {size / 2**10:.1f} KiB; {total - left} of {total} operators delegated to XNNPACK "
        f"in {delegation.pieces} piece(s){where} ({operators})"
    )
    if delegation.advice:
        yield f"{name}: {delegation.advice}"


def _shown(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.3f}"
