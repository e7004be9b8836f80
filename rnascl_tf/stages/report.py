"""Report stage: the final tables on the screen, and plots in `DIR/report/`."""

from __future__ import annotations

from pathlib import Path

import teachers
from rnascl_tf import report, runs, stages, training
from rnascl_tf.console import console, print_whole
from rnascl_tf.errors import UserError
from rnascl_tf.record import Record
from rnascl_tf.stages.stage import Stage

SHOWN_IMAGES = 4

PLOTS = ("robustness.png", "search.png", "filters.png", "tutors.png", "attention.png")


def run(run: runs.Run) -> None:
    """Prints and draws what the record and the run's files hold; says what is missing."""
    record = run.record
    for stage in ("search", "evaluate", "export"):
        if record["stages"].get(stage, {}).get("status") != "finished":
            raise UserError(
                f"there is nothing to report before the {stage} stage has run: leave out --stages, "
                f"or give --stages={stage},report."
            )
    diagnostics = _diagnostics(run)
    folder = run.folder("report")
    for name in PLOTS:
        # A plot that cannot be drawn any more must not stay from before.
        (folder / name).unlink(missing_ok=True)
    styles = stages.model_styles()
    report.save_robustness(record, folder / "robustness.png", styles)
    missing = [*_draw_search(run, diagnostics, folder), *_draw_attention(run, diagnostics, folder)]
    console.print()
    console.print(report.student_table(record))
    if record.get("search_diagnostics"):
        console.print(report.search_table(record))
    print_whole(report.robustness_table(record, styles))
    _print_masking(record, stages.exported_stage(run.config).student)
    console.print(report.export_table(record))
    console.print(report.verdict(record, *stages.compared_students()))
    for line in missing:
        console.print(line, soft_wrap=True)
    console.print(f"Record: {run.workdir / 'record.json'}   Plots: {folder}", soft_wrap=True)


def _print_masking(record: Record, exported: str | None) -> None:
    """Prints the whole verdict on the exported student, and a line about each of the others."""
    verdicts = record.get("masking") or {}
    for name, found in verdicts.items():
        if name == exported:
            print_whole(report.masking_table(found, name))
        else:
            console.print(f"{name}: {report.finding(found)}", soft_wrap=True)


def _diagnostics(run: runs.Run) -> training.SearchDiagnostics | None:
    """Returns the search's diagnostics; None if the run did not search or log them."""
    path = run.workdir / "search" / "diagnostics.npz"
    return training.read_diagnostics(path) if path.exists() else None


def _draw_search(
    run: runs.Run, diagnostics: training.SearchDiagnostics | None, folder: Path
) -> list[str]:
    """Draws the search's plots, summarizes it in the record; returns lines about missing plots."""
    history = run.record["history"].get("search")
    if history:
        report.save_search_history(history, folder / "search.png")
    if diagnostics is None:
        reason = "its search wrote no diagnostics" if history else "nothing was searched here"
        return [f"No tutor map and no filter probabilities: {reason}."]
    run.record["search_diagnostics"] = report.summarize_search(diagnostics)
    report.save_filter_probabilities(diagnostics, folder / "filters.png")
    if not len(diagnostics.student_layers):
        return ["No tutor map: this search's tutors were not searched."]
    report.save_tutor_map(diagnostics, folder / "tutors.png")
    return []


def _draw_attention(
    run: runs.Run, diagnostics: training.SearchDiagnostics | None, folder: Path
) -> list[str]:
    """Draws Figure 2b for the trained student; returns a line if that is not possible."""
    tutors = {tutor["student"]: tutor["teacher"] for tutor in run.record["architecture"]["tutors"]}
    if not tutors:
        return ["No attention maps: this student has no tutors."]
    rejected = {}
    if diagnostics is not None and len(diagnostics.student_layers):
        rejected = report.least_probable(diagnostics)
    try:
        student, teacher = run.student("train"), run.teacher
    except (UserError, teachers.TeacherError) as error:
        return [f"No attention maps: {error}"]
    examples = run.dataset.test.evenly_spaced(min(SHOWN_IMAGES, len(run.dataset.test)))
    images = examples.as_float()
    panels = report.attention_panels(student, teacher, tutors, rejected, images)
    if not panels:
        return ["No attention maps: each student layer's map is constant on these images."]
    labels = [run.dataset.class_names[label] for label in examples.labels]
    report.save_attention_figure(panels, images, labels, folder / "attention.png")
    return []


STAGE: Stage = Stage(
    name="report",
    title="print the tables and draw the plots",
    run=run,
    after=("search", "evaluate", "export"),
    on="one",
    always=True,
)
