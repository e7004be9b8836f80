"""One panel for each block, one line for each of its own choices."""

import dataclasses

import numpy as np
from PIL import Image

from rnascl_tf.report import filter_plot, save_filter_probabilities


def test_panels_hold_the_probabilities_of_their_block(diagnostics, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(filter_plot, "save_figure", lambda figure, path: drawn.append(figure))
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
