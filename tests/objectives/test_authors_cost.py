"""The authors' n_f = 0.1 ln sum HW (C_in C_out e + 9 (e C_out)^2 + e C_out^2), by hand."""

import numpy as np
import pytest

from rnascl_tf.networks import SEARCH_SPACES, SearchProblem
from rnascl_tf.objectives import AuthorsCost


def test_price_by_hand(tiny):
    price = AuthorsCost(tiny.problem)(tiny.fixed_gates)
    total = 54 * (16 * 5 + 9 * 5**2 + 5**2)
    total += 54 * (5 * 6 + 9 * 6**2 + 6**2)
    total += 15 * (6 * 9.4 * 6 + 9 * (6 * 9.4) ** 2 + 6 * 9.4**2)
    assert float(price.factor) == pytest.approx(0.1 * np.log(total), rel=1e-6)
    assert float(price.expected_macs) == pytest.approx(tiny.macs(*tiny.expected_widths), rel=1e-6)


def test_gradients_in_the_gumbel_parameters_are_the_differences(tiny, check_slopes):
    check_slopes(AuthorsCost(tiny.problem), lambda *widths: 0.1 * np.log(tiny.authors(*widths)))


def test_s3_at_the_papers_widths():
    """16x16 at e = 1, then 8x8 and 4x4 at e = 6."""
    by_hand = 3 * 256 * (16 * 16 + 9 * 16**2 + 16**2)
    by_hand += 64 * (16 * 20 * 6 + 2 * 20 * 20 * 6) + 3 * 64 * (9 * 120**2 + 6 * 20**2)
    by_hand += 16 * (20 * 52 * 6 + 2 * 52 * 52 * 6) + 3 * 16 * (9 * 312**2 + 6 * 52**2)
    cost = AuthorsCost(SearchProblem(SEARCH_SPACES["S3"], 10, (32, 32, 3)))
    assert cost.total([16] * 3 + [20] * 3 + [52] * 3) == by_hand


def test_the_imagenet_block_of_expansion_one_is_the_first_stage():
    """Their resolutions: 112 in stage 1, then halved; stages 4 and 5 share 14, the last has 7."""
    space = SEARCH_SPACES["I"]
    cost = AuthorsCost(SearchProblem(space, 100, (224, 224, 3)))
    widths = [block.filters for block in space.blocks(space.narrowest)]
    sides = [112] + [56] * 3 + [28] * 3 + [14] * 7 + [7] * 4
    before, by_hand = 16, 0
    for position, (side, width) in enumerate(zip(sides, widths, strict=True)):
        e = 6 if position else 1
        by_hand += side**2 * (before * width * e + 9 * (e * width) ** 2 + e * width**2)
        before = width
    assert cost.total(widths) == by_hand
