"""What an assessment prints."""

import rich.box
import rich.table


def assessment_table(results, title):
    """Returns a `rich` table: one row per attack, a cascade's members below it.

    Args:
        results: {attack: record} from `robustness.evaluate`.
        title: above the table; it names model, epsilon, norm and space.
    """
    count = next(iter(results.values()))["n"]
    table = rich.table.Table(
        title=f"{title}\nn = {count}, 95% Wilson intervals",
        box=rich.box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("attack", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("accuracy, %", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for name, result in results.items():
        low, high = (100 * bound for bound in result["interval"])
        budget = f" ({result['budget']})" if "budget" in result else ""
        table.add_row(
            f"{name}{budget}",
            str(result["steps"]) if result["steps"] else "-",
            f"{100 * result['accuracy']:.1f}",
            f"[{low:.1f}, {high:.1f}]",
            _duration(result["seconds"]),
        )
        for member, accuracy in result.get("attacks", {}).items():
            table.add_row(f"  after {member}", "", f"{100 * accuracy:.1f}", "", "")
    return table


def _duration(seconds):
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
