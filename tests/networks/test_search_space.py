"""The eight spaces of Tables 3 and 4 (docs/design.md, "The student")."""

import pytest

from rnascl_tf.networks import SEARCH_SPACES


def test_all_eight_spaces_are_there():
    # tests/tiny_recipe.py adds its own space to every process in which it has been read.
    names = [name for name in SEARCH_SPACES if name != "tiny_recipe"]
    assert names == ["S3", "S5", "S7", "M", "L", "IS", "IM", "I"]


@pytest.mark.parametrize(
    ("name", "depths", "strides"),
    [
        ("S3", [3, 3, 3], [1, 2, 2]),
        ("S5", [5, 5, 5], [1, 2, 2]),
        ("S7", [7, 7, 7], [1, 2, 2]),
        ("M", [9, 7, 1], [1, 2, 2]),
        ("L", [9, 7, 1], [1, 2, 2]),
        ("IS", [1, 3, 3, 3], [1, 2, 2, 2]),
        ("IM", [1, 3, 3, 3, 4], [1, 2, 2, 2, 1]),
        ("I", [1, 3, 3, 3, 4, 4], [1, 2, 2, 2, 1, 2]),
    ],
)
def test_depths_and_strides(name, depths, strides):
    space = SEARCH_SPACES[name]
    assert [stage.depth for stage in space.stages] == depths
    assert [stage.stride for stage in space.stages] == strides
    assert (space.head is None) == (not name.startswith("I"))
    assert space.image_size == (224 if name.startswith("I") else 32)


def test_choices_are_strictly_decreasing_everywhere():
    for space in SEARCH_SPACES.values():
        for stage in space.stages:
            assert list(stage.choices) == sorted(set(stage.choices), reverse=True), space.name


def test_blocks_chain_their_widths():
    space = SEARCH_SPACES["S3"]
    blocks = space.blocks([[12, 16, 16], [28, 24, 24], [60, 56, 52]])
    assert [b.input_filters for b in blocks] == [16, 12, 16, 16, 28, 24, 24, 60, 56]
    assert [b.filters for b in blocks] == [12, 16, 16, 28, 24, 24, 60, 56, 52]
    assert [b.stride for b in blocks] == [1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert [b.residual for b in blocks] == [
        False, False, True, False, False, True, False, False, False,
    ]  # fmt: skip


def test_size_counts_every_student():
    assert SEARCH_SPACES["S3"].size == 2**3 * 4**3 * 4**3


def test_nested_undoes_flattening():
    space = SEARCH_SPACES["M"]
    assert space.nested([f for stage in space.widest for f in stage]) == space.widest


def test_refuses_filters_of_another_space():
    space = SEARCH_SPACES["S3"]
    with pytest.raises(ValueError, match=r"stages of \[3, 3, 3\] blocks, but filters has \[3, 3\]"):
        space.blocks([[16] * 3, [20] * 3])
    with pytest.raises(ValueError, match="17 filters is not a choice of stage 1 of space S3"):
        space.blocks([[16, 17, 16], [20] * 3, [52] * 3])
