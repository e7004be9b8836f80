"""The picture of a sweep: every number where it belongs, every model to be told apart, 0% and 100%."""

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from rnascl_tf.report import sweep_plot
from rnascl_tf.robustness import Accuracy
from rnascl_tf.robustness.epsilon_sweep import Sweep, SweepRow
from rnascl_tf.stages import model_styles

EPSILONS = (0.0, 0.02, 0.07)


def sweep_of(models, attacks=("fgsm", "pgd20"), norm="linf", space="pixel"):
    rows = []
    for model in models:
        for attack in attacks:
            for epsilon, correct in zip(EPSILONS, (211, 5 * len(model), 0), strict=True):
                rows.append(SweepRow(model, attack, epsilon, Accuracy(correct, 211), 0))
    return Sweep(tuple(rows), norm, space, 0)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws a sweep and returns the figure instead of writing it."""
    figures = []
    monkeypatch.setattr(sweep_plot, "save_figure", lambda figure, path: figures.append(figure))

    def draw(sweep):
        sweep_plot.save_sweep(sweep, tmp_path / "sweep.png", model_styles())
        figures[-1].draw_without_rendering()
        return figures[-1]

    yield draw
    for figure in figures:
        pyplot.close(figure)


def test_writes_a_picture_of_sane_size_and_nothing_else(tmp_path):
    sweep_plot.save_sweep(sweep_of(["teacher", "student"]), tmp_path / "sweep.png")
    sweep_plot.save_sweep(sweep_of(["mine"], ["fgsm"], "l2"), tmp_path / "one.png")
    assert Image.open(tmp_path / "sweep.png").size == (1104, 552)
    assert Image.open(tmp_path / "one.png").size == (720, 552)
    assert len(list(tmp_path.iterdir())) == 2


def test_lines_and_bands_hold_the_numbers(drawn):
    sweep = sweep_of(["teacher", "student", "mine"])
    figure = drawn(sweep)
    assert [axis.get_title() for axis in figure.axes] == ["FGSM", "PGD-20"]
    for axis, attack in zip(figure.axes, sweep.attacks, strict=True):
        assert [line.get_label() for line in axis.lines] == sweep.models
        for line, band in zip(axis.lines, axis.collections, strict=True):
            rows = sweep.curve(line.get_label(), attack)
            np.testing.assert_array_equal(line.get_xdata(), EPSILONS)
            np.testing.assert_array_equal(
                line.get_ydata(), [100 * row.accuracy.value for row in rows]
            )
            corners = set(map(tuple, band.get_paths()[0].vertices))
            for row in rows:
                assert {(row.epsilon, 100 * end) for end in row.accuracy.interval} <= corners
        assert axis.get_ylim()[0] <= 0
        assert axis.get_ylim()[1] >= 100


def test_a_dozen_unknown_models_and_the_known_ones_look_different(drawn):
    models = ["student", *(f"control {number}" for number in range(12)), "teacher"]
    lines = drawn(sweep_of(models)).axes[0].lines
    looks = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert len(looks) == len(models)
    assert len({line.get_color() for line in lines}) == 5


@pytest.mark.parametrize(
    ("norm", "space", "shown"),
    [("linf", "pixel", True), ("l2", "pixel", False), ("linf", "normalized", False)],
)
def test_255ths_only_where_epsilon_counts_in_them(drawn, norm, space, shown):
    figure = drawn(sweep_of(["teacher"], norm=norm, space=space))
    tops = figure.axes[0].child_axes
    assert len(tops) == shown
    for top in tops:
        # Ticks stand where epsilon is: 8/255 above 0.0314.
        labels = {label.get_text(): label.get_position()[0] for label in top.get_xticklabels()}
        assert labels["8/255"] == 8
        assert "0" in labels
        below = figure.axes[0].get_xlim()
        np.testing.assert_allclose(top.get_xlim(), [255 * end for end in below])
    assert space in figure.axes[0].get_xlabel()
    assert space in figure.get_suptitle()
    assert "211" in figure.get_suptitle()
