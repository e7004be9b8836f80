"""The scatter: markers where the points are, areas as the parameters, labels inside the picture."""

import dataclasses

import pytest
from matplotlib.collections import PathCollection
from PIL import Image

from rnascl_tf.report import scatter_plot
from rnascl_tf.report.scatter import STRONGEST, Point
from rnascl_tf.report.scatter_plot import save_scatter
from rnascl_tf.robustness import Accuracy

STUDENT = Point(
    run="one",
    model="student",
    data="cifar10",
    params=118130,
    clean=Accuracy(324, 400),
    attack="pgd20",
    epsilon=8 / 255,
    norm="linf",
    space="pixel",
    robust=Accuracy(160, 400),
)


def changed(**changes):
    return dataclasses.replace(STUDENT, **changes)


@pytest.fixture
def draw(tmp_path, monkeypatch):
    def figure_of(points, attack="pgd20"):
        drawn = []
        monkeypatch.setattr(scatter_plot, "save_figure", lambda figure, path: drawn.append(figure))
        save_scatter(points, attack, tmp_path / "scatter.png")
        return drawn[0]

    return figure_of


def markers(axis):
    return [part for part in axis.collections if isinstance(part, PathCollection)]


def test_area_is_in_proportion_and_a_teacher_is_hollow(draw):
    points = [
        STUDENT,
        changed(params=3 * 118130, clean=Accuracy(360, 400)),
        changed(model="teacher", params=None, clean=Accuracy(280, 400)),
    ]
    large, small, teacher = markers(draw(points).axes[0])
    assert large.get_offsets().tolist() == [[90.0, 40.0]]
    assert small.get_offsets().tolist() == [[81.0, 40.0]]
    assert large.get_sizes()[0] == pytest.approx(3 * small.get_sizes()[0])
    assert len(teacher.get_facecolor()) == 0
    assert len(small.get_facecolor()) == 1


def test_axes_say_attack_epsilon_norm_and_unit(draw):
    axis = draw([STUDENT]).axes[0]
    assert axis.get_xlabel() == "clean accuracy, %"
    assert axis.get_ylabel() == "PGD-20 accuracy at L-inf 8/255, %"
    assert "cifar10, pixel space" in axis.get_title()
    axis = draw([changed(epsilon=0.1)], STRONGEST).axes[0]
    assert axis.get_ylabel() == "accuracy under its strongest attack at L-inf 0.1, %"


def test_labels_are_apart_and_inside_the_axes(draw):
    """Eight models on nearly one spot, at the lower edge of what is possible."""
    points = [
        changed(
            run=f"run_number_{number}",
            robust=Accuracy(0, 500),
            clean=Accuracy(400 + number, 500),
        )
        for number in range(8)
    ]
    figure = draw(points)
    figure.draw_without_rendering()
    axis = figure.axes[0]
    boxes = [text.get_window_extent() for text in axis.texts]
    assert {text.get_text() for text in axis.texts} == {point.run for point in points}
    edge = axis.get_window_extent().padded(1)
    for number, box in enumerate(boxes):
        assert edge.contains(*box.min)
        assert edge.contains(*box.max)
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_models_of_one_run_are_labelled_by_their_kind(draw):
    axis = draw([STUDENT, changed(model="baseline", clean=Accuracy(240, 400))]).axes[0]
    assert [text.get_text() for text in axis.texts] == ["student", "baseline"]


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_file_is_written_whole(tmp_path, suffix):
    save_scatter(
        [changed(params=None, clean=Accuracy(9, 9), robust=Accuracy(0, 9))],
        "pgd20",
        tmp_path / f"s.{suffix}",
    )
    assert [file.name for file in tmp_path.iterdir()] == [f"s.{suffix}"]
    if suffix == "png":
        assert Image.open(tmp_path / "s.png").size == (960, 672)
