"""How a residual network starts: the CIFAR stem or ImageNet's (He et al. 2016, sections 4.1, 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST_IMAGENET_SIDE = 64
"""Smallest side in pixels for the ImageNet stem, which divides both sides by 4."""


@dataclass(frozen=True)
class Stem:
    """The first convolution.

    Attributes:
        kernel_size: pixels per side; padding is half of it.
        stride: in pixels.
        has_pool: whether a 3x3 maximum with stride 2 and padding 1 follows.
    """

    kernel_size: int
    stride: int
    has_pool: bool


CIFAR_STEM = Stem(kernel_size=3, stride=1, has_pool=False)
IMAGENET_STEM = Stem(kernel_size=7, stride=2, has_pool=True)


def stem_for(input_shape: Sequence[int], is_preactivated: bool) -> Stem:
    """Returns the stem that suits images of `input_shape`, (height, width, channels)."""
    if is_preactivated or min(input_shape[:2], default=0) < SMALLEST_IMAGENET_SIDE:
        return CIFAR_STEM
    return IMAGENET_STEM
