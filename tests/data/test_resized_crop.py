import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rnascl_tf.data.resized_crop import (
    DRAWS,
    MARGIN,
    central_crop,
    crop_box,
    random_resized_crop,
)

SIDES = st.integers(1, 4000)
NUMBERS = st.lists(st.floats(0, 1, exclude_max=True, width=32), min_size=DRAWS, max_size=DRAWS)


def noise(height, width):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def draws_of(*tries, row=0.0, column=0.0):
    """Draws whose first tries are given as (area, ratio), the others as tall as can be."""
    numbers = []
    for area, ratio in tries:
        numbers += [
            (area - 0.08) / 0.92,
            (math.log(ratio) - math.log(3 / 4)) / (math.log(4 / 3) - math.log(3 / 4)),
        ]
    numbers += [0.999, 0.0] * (10 - len(tries))
    return [*numbers, row, column]


@given(height=SIDES, width=SIDES, draws=NUMBERS)
def test_the_box_lies_in_the_image_and_within_the_limits(height, width, draws):
    top, left, box_height, box_width = crop_box(height, width, draws)
    assert 0 <= top <= top + box_height <= height
    assert 0 <= left <= left + box_width <= width
    assert min(box_height, box_width) >= 1 or min(height, width) == 1
    # Each side was rounded to a pixel.
    ratio_low = (box_width - 0.5) / (box_height + 0.5)
    ratio_high = (box_width + 0.5) / max(box_height - 0.5, 0.5)
    assert ratio_low <= 4 / 3 + 1e-6
    assert ratio_high >= 3 / 4 - 1e-6


@pytest.mark.parametrize(
    ("tries", "row", "column", "box"),
    [
        # 200 x 300 pixels. A quarter of the area, square: sqrt(15000) = 122.5.
        ([(0.25, 1.0)], 0.0, 0.0, (0, 0, 122, 122)),
        # The last place that is left: 200 - 122 = 78 rows, 300 - 122 = 178 columns.
        ([(0.25, 1.0)], 0.9999, 0.9999, (78, 178, 122, 122)),
        ([(0.25, 1.0)], 0.5, 0.25, (39, 44, 122, 122)),
        # Width over height is the ratio: sqrt(12000 * 4/3) by sqrt(12000 * 3/4).
        ([(0.2, 4 / 3)], 0.0, 0.0, (0, 0, 95, 126)),
        # The whole area as a square does not fit (245 rows); the second try does.
        ([(1.0, 1.0), (0.5, 1.2)], 0.0, 0.0, (0, 0, 158, 190)),
        # No try fits: the central part of ratio 4/3.
        ([], 0.7, 0.7, (0, 16, 200, 267)),
    ],
)
def test_boxes_by_hand(tries, row, column, box):
    assert crop_box(200, 300, draws_of(*tries, row=row, column=column)) == box


def test_fallbacks_keep_the_ratio_or_the_image():
    assert crop_box(300, 100, draws_of(row=0.9)) == (83, 0, 133, 100)
    # 10 x 9 is within the ratios, and 99.9% of its area at 3/4 is 11 rows: the image itself.
    assert crop_box(10, 9, draws_of(row=0.9)) == (0, 0, 10, 9)


def test_area_and_ratio_are_uniform_where_everything_fits():
    random = np.random.default_rng(0)
    boxes = np.array([crop_box(3001, 4001, row) for row in random.random((4000, DRAWS))])
    area = boxes[:, 2] * boxes[:, 3] / (3001 * 4001)
    logarithm = np.log(boxes[:, 3] / boxes[:, 2])
    # Below half of the area every ratio fits: there both are uniform. Large areas are drawn again
    # more often than not, so that more than the (0.5 - 0.08) / 0.92 = 45.7% of all are small.
    small = area < 0.5
    assert small.mean() > 0.45
    for values, low, high in (
        (area[small], 0.08, 0.5),
        (logarithm[small], math.log(3 / 4), math.log(4 / 3)),
    ):
        counts = np.histogram(values, 10, (low, high))[0]
        assert counts.sum() >= small.sum() - 2  # rounding moves a value over an end
        expected = small.sum() / 10
        assert np.abs(counts - expected).max() < 5 * math.sqrt(expected)
    # Every place is as likely: the share of the free rows that lies above the box.
    free = 3001 - boxes[:, 2]
    share = (boxes[:, 0] + 0.5) / (free + 1)
    assert abs(share.mean() - 0.5) < 5 / math.sqrt(12 * 4000)


def test_the_crop_is_cut_before_it_is_resized():
    image = noise(200, 300)
    draws = draws_of((0.25, 1.0), row=0.5, column=0.25)
    wanted = image.crop((44, 39, 44 + 122, 39 + 122)).resize((31, 17), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(random_resized_crop(image, (17, 31), draws), wanted)


def test_shrinking_is_antialiased():
    # A chessboard of single pixels is gray at half its size and less.
    board = np.indices((97, 97)).sum(axis=0) % 2 * 255
    image = Image.fromarray(board.astype(np.uint8)).convert("RGB")
    for shrunk in (
        central_crop(image, (13, 13)),
        random_resized_crop(image, (13, 13), draws_of((1.0, 1.0))),
    ):
        assert np.abs(np.asarray(shrunk, int) - 127).max() < 20


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    margin=st.sampled_from([1.0, MARGIN]),
)
def test_central_crop_is_resize_then_crop(height, width, size, margin):
    image = noise(height, width)
    found = np.asarray(central_crop(image, size, margin), int)
    # As torchvision does it: the side with less in excess exactly, the other truncated.
    goals = [round(side * margin) for side in size]
    if height / goals[0] <= width / goals[1]:
        resized = (goals[0], width * goals[0] // height)
    else:
        resized = (height * goals[1] // width, goals[1])
    top, left = (round((resized[axis] - size[axis]) / 2) for axis in (0, 1))
    rows = triangle_weights(height, resized[0])[top : top + size[0]]
    columns = triangle_weights(width, resized[1])[left : left + size[1]]
    wanted = np.einsum("yh,xw,hwc->yxc", rows, columns, np.asarray(image, float))
    assert found.shape == (*size, 3)
    # Pillow rounds to 8 bits after each of its two passes, half a level each, and takes the box in
    # float32, its weights in 22 bits.
    assert np.abs(found - wanted).max() <= 1.02


def triangle_weights(side, resized):
    """Antialiased linear interpolation of one axis, (resized, side), rows sum to 1."""
    scale = side / resized
    centers = (np.arange(resized)[:, None] + 0.5) * scale
    distances = np.abs(np.arange(side) + 0.5 - centers) / max(scale, 1)
    weights = np.maximum(0, 1 - distances)
    return weights / weights.sum(axis=1, keepdims=True)


def test_central_crop_leaves_an_image_of_its_size():
    image = noise(23, 31)
    np.testing.assert_array_equal(central_crop(image, (23, 31)), image)


def test_a_very_long_image_costs_no_more_than_another():
    image = Image.new("RGB", (2_000_000, 2), "red")
    # Resized in full it would take 100 GB.
    assert central_crop(image, (224, 224), MARGIN).getpixel((3, 5)) == (255, 0, 0)
