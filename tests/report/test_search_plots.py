"""Pictures of a search: panels, lines and cells hold its numbers; short and long ones are readable."""

import dataclasses

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from rnascl_tf.report import (
    save_filter_probabilities,
    save_search_history,
    save_tutor_map,
    search_plots,
)
from rnascl_tf.report.figure import RESOLUTION

NAMES = (
    "cross_entropy",
    "divergence",
    "attention",
    "expected_macs",
    "tutor_entropy",
    "temperature",
)


def test_search_history(tmp_path):
    history = [{"epoch": epoch} | dict.fromkeys(NAMES, 1.0 + epoch) for epoch in range(3)]
    save_search_history(history, tmp_path / "search.png")
    save_search_history(history[:1], tmp_path / "one.png")
    for name in ("search.png", "one.png"):
        assert Image.open(tmp_path / name).size == (1320, 660)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_search_priced_in_time_shows_it_in_the_place_of_multiply_adds(tmp_path, monkeypatch):
    history = [{"epoch": 0} | dict.fromkeys(NAMES, 1.0) | {"expected_ms": 0.2}]
    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda self, title, **options: titles.append(title))
    save_search_history(history, tmp_path / "search.png")
    assert "expected latency, ms" in titles
    assert "expected MACs" not in titles


def test_search_history_of_a_control_lacks_panels(tmp_path):
    names = [name for name in NAMES if name not in ("divergence", "attention", "tutor_entropy")]
    save_search_history([{"epoch": 0} | dict.fromkeys(names, 1.0)], tmp_path / "control.png")
    assert Image.open(tmp_path / "control.png").size == (1320, 660)


def test_panels_hold_the_probabilities_of_their_block(diagnostics, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(search_plots, "save_figure", lambda figure, path: drawn.append(figure))
    save_filter_probabilities(diagnostics, tmp_path / "filters.png")
    panels = drawn[0].axes
    assert [axis.get_title() for axis in panels] == ["stage1_block1: 14", "stage2_block1: 4"]
    for number, (axis, choices) in enumerate(zip(panels, (3, 2), strict=True)):
        lines = axis.get_lines()[:choices]
        assert len(axis.get_lines()) == choices + 1  # and the line of equal probabilities
        for column, line in enumerate(lines):
            assert line.get_xdata().tolist() == [1, 2, 3]
            np.testing.assert_array_equal(line.get_ydata(), diagnostics.filters[:, number, column])
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["14", "12", "6"]


def test_many_blocks_of_many_choices_and_one_epoch(diagnostics, tmp_path):
    blocks, choices = 13, 11
    long = dataclasses.replace(
        diagnostics,
        epoch=np.array([4]),
        filters=np.full((1, blocks, choices), 1 / choices, np.float32),
        choices=np.tile(np.arange(88, 0, -8), (blocks, 1)),
        blocks=np.array([f"stage1_block{i}" for i in range(blocks)]),
    )
    save_filter_probabilities(long, tmp_path / "filters.png")
    width, height = Image.open(tmp_path / "filters.png").size
    assert width > 1200
    assert height > 600
    assert [file.name for file in tmp_path.iterdir()] == ["filters.png"]


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
    monkeypatch.setattr(search_plots, "save_figure", lambda figure, path: drawn.append(figure))
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
