"""Figure 2b: an image per row, a column per map, and the distance of eq. 1 on each tutor's map."""

import numpy as np
import pytest

from rnascl_tf.report import attention_figure, save_attention_figure
from rnascl_tf.report.attention_comparison import AttentionPanel


@pytest.fixture
def panels():
    generator = np.random.default_rng(0)

    def panel(layer, *teacher_layers):
        maps = generator.random((1 + len(teacher_layers), 2, 5, 5))
        return AttentionPanel(
            layer, teacher_layers, maps / np.linalg.norm(maps, axis=(2, 3), keepdims=True)
        )

    return [panel("stem", "conv_1", "conv_9"), panel("stage2_block1_depthwise", "conv_3")]


def test_every_map_and_distance_is_drawn(panels, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(attention_figure, "save_figure", lambda figure, path: drawn.append(figure))
    images = np.random.default_rng(1).random((2, 9, 9, 3))
    save_attention_figure(panels, images, ["cat", "dog"], tmp_path / "attention.png")
    axes = [axis for axis in drawn[0].axes if axis.images]
    assert len(axes) == 2 * (1 + 3 + 2), "images, student with two layers, student with one"
    titles = [axis.get_title() for axis in axes if axis.get_title()]
    assert [title.split()[0] for title in titles] == [
        "image",
        "student",
        "tutor",
        "rejected",
        "student",
        "tutor",
    ]
    numbers = sorted(text.get_text() for axis in axes for text in axis.texts)
    wanted = sorted(f"{d:.2f}" for panel in panels for d in panel.distances.ravel())
    assert numbers == wanted
    assert {axis.get_ylabel() for axis in axes} >= {"cat", "dog"}


def test_long_names_take_two_lines():
    assert attention_figure._wrapped("stem") == "stem\n"
    name = "features_denseblock1_denselayer12_conv2_Conv_output"
    first, second = attention_figure._wrapped(name).split("\n")
    assert len(first) <= 20
    assert len(second) <= 20
    assert "…" in first + second
