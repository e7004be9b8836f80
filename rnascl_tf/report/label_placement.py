"""Where labels go so that they cover neither markers nor each other.

A greedy search: each label in turn takes the nearest free place on rings around its marker.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Place: TypeAlias = tuple[float, float]
"""(horizontal, vertical), pixels."""

Box: TypeAlias = tuple[float, float, float, float]
"""(left, bottom, right, top), pixels."""

_ANGLES = (0, 180, 45, 135, -45, -135, 90, -90, 20, 160, -20, -160)
"""Degrees around the marker, the most readable first."""

_RINGS = 14


def place_labels(
    anchors: Sequence[Place],
    sizes: Sequence[Place],
    obstacles: Sequence[Box],
    bounds: Box,
    gaps: Sequence[float],
) -> list[Place]:
    """Returns the lower left corner of each label.

    Args:
        anchors: the markers' centres.
        sizes: (width, height) of the labels.
        obstacles: to keep clear of.
        bounds: that labels should not leave.
        gaps: pixels between a marker's centre and a label on its first ring.

    Returns:
        (left, bottom) of each label. Where no ring has a free place, the place that covers least.
    """
    taken = list(obstacles)
    corners: list[Place] = []
    for anchor, size, gap in zip(anchors, sizes, gaps, strict=True):
        best = min(_candidates(anchor, size, gap), key=lambda box: _badness(box, taken, bounds))
        taken.append(best)
        corners.append(best[:2])
    return corners


def overlap(first: Box, second: Box) -> float:
    """Returns the area that two boxes share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0.0) * max(height, 0.0)


def _candidates(anchor: Place, size: Place, gap: float) -> Iterator[Box]:
    """Yields boxes around an anchor, the nearest ring first."""
    width, height = size
    for ring in range(_RINGS):
        distance = gap + 0.7 * ring * height
        for angle in _ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # The label touches the ring with the side or corner that faces the marker.
            left = anchor[0] + distance * across - width * (1 - across) / 2
            bottom = anchor[1] + distance * up - height * (1 - up) / 2
            yield (left, bottom, left + width, bottom + height)


def _badness(box: Box, taken: Sequence[Box], bounds: Box) -> float:
    """Returns the area covered or out of bounds; 0 for a free place."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - overlap(box, bounds) + sum(overlap(box, other) for other in taken)
