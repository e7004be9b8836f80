"""Golden integers (docs/design.md, "The student"), and costs against products written by hand."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import (
    SEARCH_SPACES,
    SearchProblem,
    build_student,
    count,
    macs_table,
    total_macs,
)

CIFAR, IMAGENET = (10, (32, 32, 3)), (100, (224, 224, 3))
S3 = SearchProblem(SEARCH_SPACES["S3"], *CIFAR)


def architecture(space, filters, num_classes=10, input_shape=(32, 32, 3)):
    return {
        "space": space,
        "filters": filters,
        "num_classes": num_classes,
        "input_shape": input_shape,
    }


@pytest.mark.parametrize(
    ("space", "filters", "params", "macs", "macs_thop"),
    [
        ("S3", [[16] * 3, [20] * 3, [52] * 3], 118_130, 5_856_904, 6_640_976),
        ("S5", [[16] * 5, [20] * 5, [52] * 5], 215_138, 9_752_968, 11_021_264),
        (
            "S7",
            [[16] * 7, [20] * 7, [52, 52, 52, 52, 56, 56, 52]],
            323_162,
            13_820_296,
            15_577_808,
        ),
        ("M", SEARCH_SPACES["M"].widest, 3_033_210, 317_065_472, 326_801_920),
    ],
)
def test_golden_integers_of_the_papers_students(space, filters, params, macs, macs_thop):
    size = count(architecture(space, filters))
    assert (size.params, size.macs, size.macs_thop) == (params, macs, macs_thop)


def test_golden_brackets_of_l():
    space = SEARCH_SPACES["L"]
    narrow, wide = (count(architecture("L", f)) for f in (space.narrowest, space.widest))
    assert (narrow.params, wide.params) == (10_973_558, 11_761_514)
    assert (narrow.macs_thop, wide.macs_thop) == (1_182_460_880, 1_256_305_664)


def test_space_i_brackets_what_the_paper_prints():
    space = SEARCH_SPACES["I"]
    narrow, wide = (count(architecture("I", f, *IMAGENET)) for f in (space.narrowest, space.widest))
    assert narrow.params < 3.94e6 < 4.01e6 < wide.params
    assert narrow.macs_thop < 242e6 < 255e6 < wide.macs_thop


def test_two_blocks_by_hand():
    """A stage list cut down to what fits on a page, on an odd image."""
    space = SEARCH_SPACES["S3"]
    filters = space.nested([12, 16, 16, 28, 24, 24, 60, 56, 56])
    problem = SearchProblem(space, 7, (29, 31, 3))
    macs = total_macs(problem, [f for stage in filters for f in stage])
    # 29x31 -> 15x16 -> 8x8 -> 4x4
    by_hand = 15 * 16 * 27 * 16
    by_hand += 15 * 16 * (16 * 96 + 9 * 96 + 96 * 12)
    by_hand += 15 * 16 * (12 * 72 + 9 * 72 + 72 * 16)
    by_hand += 15 * 16 * (16 * 96 + 9 * 96 + 96 * 16)
    by_hand += 15 * 16 * 16 * 96 + 8 * 8 * (9 * 96 + 96 * 28)
    by_hand += 8 * 8 * (28 * 168 + 9 * 168 + 168 * 24)
    by_hand += 8 * 8 * (24 * 144 + 9 * 144 + 144 * 24)
    by_hand += 8 * 8 * 24 * 144 + 4 * 4 * (9 * 144 + 144 * 60)
    by_hand += 4 * 4 * (60 * 360 + 9 * 360 + 360 * 56)
    by_hand += 4 * 4 * (56 * 336 + 9 * 336 + 336 * 56)
    by_hand += 56 * 7
    assert macs == by_hand


@pytest.mark.parametrize("name", ["S3", "IS", "I"])
def test_table_adds_up_to_every_students_macs(name):
    space = SEARCH_SPACES[name]
    problem = SearchProblem(space, 7, (37, 41, 3))
    tables = macs_table(problem)
    blocks = space.blocks(space.widest)
    before = [1, *(len(block.choices) for block in blocks[:-1])]
    assert [t.shape for t in tables] == [
        (rows, len(block.choices)) for rows, block in zip(before, blocks, strict=True)
    ]
    generator = np.random.default_rng(0)
    for _ in range(20):
        chosen = [int(generator.integers(len(block.choices))) for block in blocks]
        widths = [block.choices[i] for block, i in zip(blocks, chosen, strict=True)]
        table_macs = sum(t[i, j] for t, i, j in zip(tables, [0, *chosen], chosen, strict=False))
        assert table_macs == total_macs(problem, widths)


@pytest.mark.parametrize("name", ["S3", "IS"])
def test_params_are_the_built_networks(name):
    space = SEARCH_SPACES[name]
    described = architecture(name, space.narrowest, 7, (37, 41, 3))
    student = build_student(described)
    trainable = sum(int(np.prod(variable.shape)) for variable in student.trainable_variables)
    assert count(described).params == trainable


def test_expected_cost_is_differentiable_and_exact_at_integer_widths():
    widths = [12, 16, 16, 28, 24, 24, 60, 56, 56]
    tensors = [tf.Variable(float(width)) for width in widths]
    with tf.GradientTape() as tape:
        macs = total_macs(S3, tensors)
    assert int(macs) == total_macs(S3, widths)
    for gradient, width, position in zip(
        tape.gradient(macs, tensors), widths, range(len(widths)), strict=True
    ):
        wider = [w + (i == position) for i, w in enumerate(widths)]
        narrower = [w - (i == position) for i, w in enumerate(widths)]
        # Quadratic in each width, so the central difference is exact.
        slope = (total_macs(S3, wider) - total_macs(S3, narrower)) / 2
        assert float(gradient) == pytest.approx(slope, rel=1e-5), width


def test_refuses_unknown_space_and_missing_fields():
    with pytest.raises(ValueError, match="unknown search space 'S9': give one of S3"):
        count(architecture("S9", []))
    with pytest.raises(ValueError, match="lacks filters, num_classes"):
        count({"space": "S3", "input_shape": (32, 32, 3)})
