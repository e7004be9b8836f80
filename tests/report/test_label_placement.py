"""Labels keep clear of markers, of each other and of the picture's edge wherever there is room."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.report.label_placement import overlap, place_labels

BOUNDS = (0.0, 0.0, 1000.0, 700.0)


def boxes(corners, sizes):
    return [
        (left, bottom, left + width, bottom + height)
        for (left, bottom), (width, height) in zip(corners, sizes, strict=True)
    ]


def test_overlap_is_the_shared_area():
    assert overlap((0, 0, 5, 7), (3, 2, 11, 13)) == 2 * 5
    assert overlap((0, 0, 5, 7), (5, 0, 6, 7)) == 0
    assert overlap((0, 0, 1, 1), (3, 3, 4, 4)) == 0


def test_a_lone_label_stands_right_of_its_marker_at_the_gap():
    ((left, bottom),) = place_labels([(100, 200)], [(40, 10)], [], BOUNDS, [7])
    assert (left, bottom) == (107, 195)


def test_a_label_turns_away_from_the_edge():
    ((left, _),) = place_labels([(990, 200)], [(40, 10)], [], BOUNDS, [7])
    assert left == 990 - 7 - 40


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0, 1000, width=32), st.floats(0, 700, width=32)),
        min_size=1,
        max_size=10,
    )
)
def test_few_labels_never_cover_anything(anchors):
    """Also when all markers lie on one spot or in a corner."""
    sizes = [(60 + 7 * number, 11) for number in range(len(anchors))]
    markers = [(x - 3, y - 3, x + 3, y + 3) for x, y in anchors]
    labels = boxes(place_labels(anchors, sizes, markers, BOUNDS, [6] * len(anchors)), sizes)
    for number, label in enumerate(labels):
        area = sizes[number][0] * sizes[number][1]
        assert math.isclose(overlap(label, BOUNDS), area, rel_tol=1e-9)
        for other in markers + labels[:number]:
            assert overlap(label, other) == 0
