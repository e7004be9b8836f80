"""Predicted against measured latency of students, the check of a latency table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import pyplot

from rnascl_tf.report.figure import save_figure
from rnascl_tf.report.model_style import BLUE

if TYPE_CHECKING:
    from rnascl_tf.deploy.latency.block_timing import CheckedStudents  # imports TensorFlow


def save_prediction(students: CheckedStudents, title: str, path: Path) -> None:
    """Draws one point per student, the line of exact predictions, and 10% on either side.

    Args:
        students: from `deploy.latency.block_timing.measure_table`.
        title: what was measured.
        path: of the picture.
    """
    measured, predicted, check = students.measured_ms, students.predicted_ms, students.check
    ends = (0.97 * min(measured + predicted), 1.03 * max(measured + predicted))
    figure, axis = pyplot.subplots(figsize=(5.6, 5.2), layout="constrained")
    axis.fill_between(
        ends,
        [0.9 * end for end in ends],
        [1.1 * end for end in ends],
        color="0.93",
        label="within 10%",
    )
    axis.plot(ends, ends, color="0.6", linewidth=1)
    axis.scatter(measured, predicted, color=BLUE, label="student", zorder=3)
    axis.set_xlim(ends)
    axis.set_ylim(ends)
    axis.set_aspect("equal")
    axis.set_xlabel("measured, ms")
    axis.set_ylabel("predicted, ms")
    axis.set_title(
        f"{title}: median error {100 * check.median_error:.1f}%, rank correlation "
        f"{check.rank_correlation:.2f}, n = {len(measured)}",
        fontsize=10,
    )
    axis.legend(loc="upper left")
    save_figure(figure, path)
