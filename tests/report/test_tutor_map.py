"""The tutor heat map grows with the number of layers, so that labels stay readable."""

import dataclasses

import numpy as np
from PIL import Image

from rnascl_tf.report import save_tutor_map, tutor_map
from rnascl_tf.report.figure import RESOLUTION


def many(diagnostics, rows, columns):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(columns), size=(1, rows))
    return dataclasses.replace(
        diagnostics,
        epoch=np.array([0]),
        tutors=probabilities.astype(np.float32),
        student_layers=np.array([f"stage1_block{i}_depthwise" for i in range(rows)]),
        teacher_layers=np.array([f"body_layers_{j}_conv_Conv" for j in range(columns)]),
    )


def test_every_row_and_column_has_room_for_seven_points(diagnostics, tmp_path):
    needed = RESOLUTION * 7 / 72
    for rows, columns in ((64, 49), (28, 7), (2, 3)):
        save_tutor_map(many(diagnostics, rows, columns), tmp_path / "tutors.png")
        width, height = Image.open(tmp_path / "tutors.png").size
        assert height > rows * needed
        assert width > columns * needed
        assert max(width, height) < 2500
    assert [file.name for file in tmp_path.iterdir()] == ["tutors.png"]


def test_the_last_epoch_is_drawn_and_its_largest_marked(diagnostics, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(tutor_map, "save_figure", lambda figure, path: drawn.append(figure))
    save_tutor_map(diagnostics, tmp_path / "tutors.png")
    axis = drawn[0].axes[0]
    np.testing.assert_array_equal(axis.images[0].get_array(), diagnostics.tutors[-1])
    assert axis.collections[0].get_offsets().tolist() == [[1, 0], [1, 1]]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "2"]
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "stem",
        "stage1_block1_expand",
    ]
    assert "body_*_conv" in axis.get_xlabel()
    assert "epoch 3" in axis.get_title()
