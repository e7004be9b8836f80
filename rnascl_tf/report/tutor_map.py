"""The tutor heat map: which teacher layer every student layer has come to imitate (eq. 1's g)."""

from matplotlib import pyplot

from rnascl_tf.report.figure import save_figure, without_shared_parts
from rnascl_tf.report.model_style import VERMILION

_CELL = 0.19
"""Inches of a cell: a label of seven points fits beside each row."""


def save_tutor_map(diagnostics, path):
    """Draws the tutor probabilities after the last epoch, each row's largest marked.

    Args:
        diagnostics: a `SearchDiagnostics` that has tutors.
        path: of the PNG.
    """
    probabilities = diagnostics.tutors[-1]
    rows, columns = probabilities.shape
    teacher_layers, pattern = without_shared_parts(diagnostics.teacher_layers.tolist())
    width = _CELL * max(columns, 12) + 3.2
    height = _CELL * rows + 0.075 * max(map(len, teacher_layers)) + 1.3
    figure, axis = pyplot.subplots(figsize=(width, height), layout="constrained")
    image = axis.imshow(probabilities, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
    axis.scatter(probabilities.argmax(axis=1), range(rows), s=10, color=VERMILION)
    axis.set_xticks(range(columns), teacher_layers, rotation=90, fontsize=7)
    axis.set_yticks(range(rows), diagnostics.student_layers.tolist(), fontsize=7)
    axis.set_xlabel(f"teacher layer ({pattern})" if pattern else "teacher layer")
    axis.set_ylabel("student layer")
    axis.set_title(
        f"Tutor probabilities after epoch {diagnostics.epoch[-1] + 1}\n(dot: most probable)",
        fontsize=10,
    )
    figure.colorbar(image, ax=axis, label="probability", aspect=40)
    save_figure(figure, path)
