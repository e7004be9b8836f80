"""Predicted against measured times: a point per student, the line, and the check's numbers."""

from matplotlib.collections import PathCollection
from PIL import Image

from rnascl_tf.deploy.latency.block_timing import CheckedStudents
from rnascl_tf.report import prediction_plot, save_prediction

STUDENTS = CheckedStudents((0.12, 0.2, 0.31), (0.13, 0.19, 0.3))


def test_points_and_title(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(prediction_plot, "save_figure", lambda figure, path: drawn.append(figure))
    save_prediction(STUDENTS, "S3, int8", tmp_path / "table.png")
    axis = drawn[0].axes[0]
    (points,) = [part for part in axis.collections if isinstance(part, PathCollection)]
    assert points.get_offsets().tolist() == [[0.12, 0.13], [0.2, 0.19], [0.31, 0.3]]
    assert axis.get_title() == "S3, int8: median error 5.0%, rank correlation 1.00, n = 3"
    assert axis.get_xlim() == axis.get_ylim()


def test_file(tmp_path):
    save_prediction(STUDENTS, "S3, int8", tmp_path / "table.png")
    assert Image.open(tmp_path / "table.png").size == (672, 624)
