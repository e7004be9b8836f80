"""A masking verdict as a table: each check with its two numbers."""

from collections.abc import Mapping
from typing import Any

import rich.table

from rnascl_tf.report.table_style import titled_table

_LEGEND = "one alone: images that withstand only the first of the two / only the second."


def masking_table(verdict: Mapping[str, Any], title: str) -> rich.table.Table:
    """Returns a `rich` table.

    Args:
        verdict: what `Verdict.as_record` returns and a record keeps.
        title: whose gradients they are.
    """
    table = titled_table(
        f"{title}, n = {verdict['checks'][-1]['count']}: {finding(verdict)}",
        caption="\n".join([_LEGEND, *_remedies(verdict), *map(_not_checked, verdict["left_out"])]),
    )
    for column in ("", "check", "two numbers", "one alone"):
        table.add_column(column, no_wrap=True)
    for check in verdict["checks"]:
        table.add_row(
            "pass" if check["passed"] else "FAIL",
            f"{check['question']}\n  wanted: {check['wanted']}",
            _number(check["first_name"], check["first"], check["unit"])
            + "\n"
            + _number(check["second_name"], check["second"], check["unit"]),
            "{} / {}".format(*check["discordant"]) if check["discordant"] else "",
        )
    return table


def finding(verdict: Mapping[str, Any]) -> str:
    """Returns the verdict in half a sentence."""
    checks = verdict["checks"]
    what = f"{verdict['norm']} {verdict['epsilon']:.4g}, {verdict['space']} space"
    if verdict["suspicious"]:
        failed = ", ".join(verdict["failed"])
        count = len(verdict["failed"])
        return f"gradients look MASKED, {count} of {len(checks)} checks failed ({failed}; {what})"
    return f"no sign of masked gradients in {len(checks)} checks ({what})"


def _remedies(verdict: Mapping[str, Any]) -> list[str]:
    remedies = [check["remedy"] for check in verdict["checks"] if not check["passed"]]
    return [f"To do: {remedy}." for remedy in dict.fromkeys(remedies)]


def _not_checked(reason: str) -> str:
    return f"Not checked: {reason}."


def _number(name: str, value: float, unit: str) -> str:
    return f"{name} {value:.1f}%" if unit == "%" else f"{name} {value:.3g} {unit}"
