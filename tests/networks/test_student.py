"""The slim student: shapes, taps, file, seeds."""

import keras
import numpy as np
import pytest

from rnascl_tf.networks import SEARCH_SPACES, build_student, student_taps

ARCHITECTURE = {
    "space": "S3",
    "filters": [[12, 16, 16], [28, 24, 24], [60, 56, 52]],
    "num_classes": 7,
    "input_shape": [13, 11, 3],
}


def images():
    return np.random.default_rng(0).random((5, 13, 11, 3), dtype="float32")


def test_images_to_logits():
    student = build_student(ARCHITECTURE)
    assert student.input_shape == (None, 13, 11, 3)
    assert student(images()).shape == (5, 7)


def test_taps_have_the_slim_widths_in_order():
    taps = student_taps(build_student(ARCHITECTURE)).output["taps"]
    assert len(taps) == 28
    assert list(taps)[:4] == [
        "stem",
        "stage1_block1_expand",
        "stage1_block1_depthwise",
        "stage1_block1_project",
    ]
    widths = [tap.shape[-1] for tap in taps.values()]
    assert widths[:7] == [16, 96, 96, 12, 72, 72, 16]
    assert widths[-3:] == [6 * 56, 6 * 56, 52]


def test_tapped_view_shares_weights_and_logits(randomize):
    student = randomize(build_student(ARCHITECTURE))
    tapped = student_taps(student)
    assert {id(v) for v in tapped.variables} == {id(v) for v in student.variables}
    np.testing.assert_array_equal(tapped(images())["logits"], student(images()))


def test_tap_is_taken_before_the_residual_addition(randomize):
    student = randomize(build_student(ARCHITECTURE))
    tapped = student_taps(student)
    block = keras.Model(student.input, student.get_layer("stage1_block3_add").output)
    before = keras.Model(student.input, student.get_layer("stage1_block2_project_bn").output)
    tap = tapped(images())["taps"]["stage1_block3_project"]
    np.testing.assert_allclose(block(images()), tap + before(images()), rtol=1e-5, atol=1e-6)


def test_imagenet_head_is_not_tapped_where_its_map_is_constant():
    space = SEARCH_SPACES["IS"]
    student = build_student(
        {"space": "IS", "filters": space.narrowest, "num_classes": 5, "input_shape": (64, 64, 3)}
    )
    taps = student_taps(student).output["taps"]
    assert list(taps)[-1] == "head_expand"
    assert student(np.zeros((1, 64, 64, 3), "float32")).shape == (1, 5)


def test_keras_file_round_trip(tmp_path, randomize):
    student = randomize(build_student(ARCHITECTURE))
    assert np.abs(student(images())).max() > 0.01
    student.save(tmp_path / "student.keras")
    again = keras.models.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(student(images()), again(images()))
    assert list(student_taps(again).output["taps"]) == list(student_taps(student).output["taps"])


def test_seeds_make_the_weights():
    first, second, third = (build_student(ARCHITECTURE, seed=seed) for seed in (1, 1, 2))
    for ours, equal, other in zip(
        *(m.trainable_variables for m in (first, second, third)), strict=True
    ):
        np.testing.assert_array_equal(ours, equal)
        assert ours.ndim == 1 or np.abs(ours.numpy() - other.numpy()).max() > 1e-4
    kernels = [v.numpy() for v in first.trainable_variables if v.ndim == 4]
    equal = [
        (i, j)
        for i, a in enumerate(kernels)
        for j, b in enumerate(kernels[:i])
        if a.shape == b.shape and np.array_equal(a, b)
    ]
    assert not equal, "layers of one shape must not start equal"


def test_normalisation_is_inside():
    student = build_student(ARCHITECTURE)
    assert type(student.layers[1]).__name__ == "PixelNormalization"


def test_refuses_a_model_without_taps():
    with pytest.raises(ValueError, match="no tapped convolutions"):
        student_taps(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
