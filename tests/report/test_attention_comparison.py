"""Figure 2b's maps are those that the losses compare, of layers that show anything."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import teachers
from rnascl_tf import layers
from rnascl_tf.networks import SEARCH_SPACES, build_student, student_taps
from rnascl_tf.report import attention_panels, least_probable, save_attention_figure
from rnascl_tf.report.attention_comparison import AttentionPanel

SHAPE, CLASSES, SIZE = (8, 8, 3), 7, 5


@pytest.fixture(scope="module")
def teacher():
    network = teachers.resnet(CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1)
    return teachers.from_keras(network, attention_size=SIZE)


@pytest.fixture(scope="module")
def student():
    space = SEARCH_SPACES["S3"]
    filters = space.nested([block[0] for block in _choices(space)])
    fields = {"space": "S3", "filters": filters, "num_classes": CLASSES, "input_shape": SHAPE}
    return build_student(fields, seed=3)


def _choices(space):
    return [block.choices for block in space.blocks(space.widest)]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((2, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def tutors(student, teacher):
    names = student_taps(student).output["taps"]
    return {name: teacher.tap_names[i % 5] for i, name in enumerate(names)}


def test_maps_are_those_of_the_named_layers(student, teacher, tutors, images):
    rejected = dict.fromkeys(tutors, teacher.tap_names[-1])
    panels = attention_panels(student, teacher, tutors, rejected, images)
    assert panels[0].layer == "stem"
    teacher_maps = np.asarray(teacher.signals(images).maps)
    taps = student_taps(student)(images, training=False)["taps"]
    for panel in panels:
        assert panel.teacher_layers == (tutors[panel.layer], teacher.tap_names[-1])
        assert panel.maps.shape == (3, 2, SIZE, SIZE)
        own = np.asarray(layers.attention_maps([taps[panel.layer]], SIZE))[:, 0]
        np.testing.assert_allclose(panel.maps[0].reshape(2, -1), own, rtol=1e-5, atol=1e-6)
        for place, name in enumerate(panel.teacher_layers, start=1):
            wanted = teacher_maps[:, teacher.tap_names.index(name)]
            np.testing.assert_allclose(
                panel.maps[place].reshape(2, -1), wanted, rtol=1e-5, atol=1e-6
            )


def test_shown_layers_are_first_middle_and_last_that_vary(student, teacher, tutors, images):
    """At 8x8 the last blocks of S3 are 1x1: their maps are constant and would show nothing."""
    panels = attention_panels(student, teacher, tutors, {}, images)
    names = list(tutors)
    visible = [name for name in names if not name.startswith("stage3") or name.endswith("1_expand")]
    assert [panel.layer for panel in panels] == [
        visible[0],
        visible[(len(visible) - 1) // 2],
        visible[-1],
    ]
    assert all(len(panel.teacher_layers) == 1 for panel in panels)


def test_constant_images_have_no_panel_but_edges(student, teacher, tutors):
    """A 1x1 layer is flat whatever the image; with only such layers there is nothing to draw."""
    deep = {name: tutor for name, tutor in tutors.items() if name.startswith("stage3_block3")}
    images = np.random.default_rng(1).random((2, *SHAPE), dtype=np.float32)
    assert attention_panels(student, teacher, deep, {}, images) == []


def test_distance_is_the_norm_of_the_difference():
    maps = np.zeros((3, 2, 2, 2), np.float32)
    maps[0, :, 0, 0] = 1
    maps[1, :, 0, 0] = 1
    maps[2, 0, 1, 1] = 1
    maps[2, 1, 0, 0], maps[2, 1, 1, 0] = 0.6, 0.8
    distances = AttentionPanel("stem", ("a", "b"), maps).distances
    np.testing.assert_allclose(distances, [[0, 0], [np.sqrt(2), np.sqrt(0.16 + 0.64)]], rtol=1e-6)


def test_rejected_is_the_least_probable_after_the_last_epoch(diagnostics):
    changed = diagnostics.tutors.copy()
    changed[-1, 0] = [0.2, 0.7, 0.1]
    found = least_probable(dataclasses.replace(diagnostics, tutors=changed))
    assert found == {"stem": "body_2_conv", "stage1_block1_expand": "body_0_conv"}


@pytest.mark.parametrize("others", [1, 2])
def test_figure_has_room_for_every_map(tmp_path, images, others):
    long = "body_layers_layers_10_conv1_Conv_and_a_very_long_tail"
    maps = np.random.default_rng(2).random((1 + others, 2, SIZE, SIZE), dtype=np.float32)
    panels = [AttentionPanel(name, (long, "a")[:others], maps) for name in ("stem", long)]
    save_attention_figure(panels, images, ["cat", "dog"], tmp_path / "attention.png")
    width, height = Image.open(tmp_path / "attention.png").size
    assert width > 120 * (1 + 2 * (1 + others))
    assert height > 240
    assert [file.name for file in tmp_path.iterdir()] == ["attention.png"]
