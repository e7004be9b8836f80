"""Report stage: the final tables on the screen, and plots in `DIR/report/`."""

from rnascl_tf.report import (
    console,
    export_table,
    robustness_table,
    save_robustness,
    save_search_history,
    student_table,
    verdict,
)
from rnascl_tf.stages.errors import UserError


def run(run):
    """Prints and draws what the record holds."""
    record = run.record
    for stage in ("search", "evaluate", "export"):
        if record["stages"].get(stage, {}).get("status") != "finished":
            raise UserError(
                f"there is nothing to report before the {stage} stage has run: leave out --stages, "
                f"or give --stages={stage},report."
            )
    folder = run.folder("report")
    save_search_history(record["history"]["search"], folder / "search.png")
    epsilon = record["config"]["threat"]["epsilon"]
    save_robustness(record["robustness"], epsilon, folder / "robustness.png")
    console.print()
    for table in (student_table, robustness_table, export_table):
        console.print(table(record))
    console.print(verdict(record))
    console.print(f"Record: {run.workdir / 'record.json'}   Plots: {folder}", soft_wrap=True)
