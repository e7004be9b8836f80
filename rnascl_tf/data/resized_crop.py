"""From an image of any size to a network's input: a central crop, or a random one for training.

Both resize bilinearly with antialiasing (Pillow's BILINEAR, whose filter widens with the scale), and
treat the aspect ratio as is usual for ImageNet:

- training, as torchvision's RandomResizedCrop: a box of 8% to 100% of the image's area and of an
  aspect ratio (width / height) from 3/4 to 4/3, uniform in area and in the ratio's logarithm. Ten
  boxes are drawn, and the first that fits into the image is placed uniformly; if none fits, it is the
  largest central box within those ratios.
- evaluation: the shorter side is resized and the centre cut out.
"""

import math
from collections.abc import Iterable, Sequence

from PIL import Image

MARGIN = 256 / 224
"""Ratio of the shorter side to the crop when a network trained on random crops is evaluated: in
training, objects looked larger to it."""

AREAS = (0.08, 1.0)
RATIOS = (3 / 4, 4 / 3)
TRIES = 10
DRAWS = 2 * TRIES + 2
"""Random numbers for one box: area and ratio of every try, then the row and the column."""


def random_resized_crop(
    image: Image.Image, size: tuple[int, int], draws: Iterable[float]
) -> Image.Image:
    """Returns a random part of an image, resized.

    Args:
        image: in RGB.
        size: (height, width) of the result.
        draws: `DRAWS` numbers in [0, 1); the same numbers give the same part.
    """
    top, left, height, width = crop_box(image.height, image.width, draws)
    part = image.crop((left, top, left + width, top + height))
    return part.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def crop_box(height: int, width: int, draws: Iterable[float]) -> tuple[int, int, int, int]:
    """Returns (top, left, height, width) of a random box in an image.

    Args:
        height: of the image, pixels.
        width: likewise.
        draws: as for `random_resized_crop`.
    """
    numbers = [float(draw) for draw in draws]
    box_height, box_width = _first_fitting(height, width, numbers[:-2])
    if not box_height:
        return _largest_central(height, width)
    top = math.floor(numbers[-2] * (height - box_height + 1))
    left = math.floor(numbers[-1] * (width - box_width + 1))
    return top, left, box_height, box_width


def _first_fitting(height: int, width: int, numbers: Sequence[float]) -> tuple[int, int]:
    logarithms = [math.log(ratio) for ratio in RATIOS]
    for area_draw, ratio_draw in zip(numbers[::2], numbers[1::2], strict=True):
        area = height * width * _between(AREAS, area_draw)
        ratio = math.exp(_between(logarithms, ratio_draw))
        box_height, box_width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < box_height <= height and 0 < box_width <= width:
            return box_height, box_width
    return 0, 0


def _largest_central(height: int, width: int) -> tuple[int, int, int, int]:
    box_height, box_width = height, width
    if width < height * RATIOS[0]:
        box_height = round(width / RATIOS[0])
    elif width > height * RATIOS[1]:
        box_width = round(height * RATIOS[1])
    return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width


def _between(limits: Sequence[float], draw: float) -> float:
    low, high = limits
    return low + (high - low) * draw


def central_crop(image: Image.Image, size: tuple[int, int], margin: float = 1.0) -> Image.Image:
    """Returns the centre of an image, resized with its aspect ratio kept.

    The image is resized so that it just covers `margin` times `size`, and `size` is cut out of its
    centre; an image of that size comes back unchanged. Only the part cut out is computed, so that a
    very long image costs no more than another.

    Args:
        image: in RGB.
        size: (height, width) of the result.
        margin: 1 or more; `MARGIN` for networks trained on random crops.
    """
    height, width = size
    covered_height, covered_width = round(height * margin), round(width * margin)
    # The side with less excess decides the scale. In integers, because rounding could lose a pixel.
    if image.height * covered_width <= image.width * covered_height:
        resized_height = covered_height
        resized_width = image.width * covered_height // image.height
    else:
        resized_height = image.height * covered_width // image.width
        resized_width = covered_width
    top, left = round((resized_height - height) / 2), round((resized_width - width) / 2)
    rows, columns = image.height / resized_height, image.width / resized_width
    box = (left * columns, top * rows, (left + width) * columns, (top + height) * rows)
    box = (*box[:2], min(box[2], image.width), min(box[3], image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
