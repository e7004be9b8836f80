import pytest

from teachers.native.stems import CIFAR_STEM, IMAGENET_STEM, stem_for


@pytest.mark.parametrize(
    ("input_shape", "is_preactivated", "wanted"),
    [
        ((64, 64, 3), False, IMAGENET_STEM),
        ((224, 64, 3), False, IMAGENET_STEM),
        ((63, 64, 3), False, CIFAR_STEM),
        ((64, 63, 3), False, CIFAR_STEM),
        ((224, 224, 3), True, CIFAR_STEM),
    ],
)
def test_both_sides_decide(input_shape, is_preactivated, wanted):
    assert stem_for(input_shape, is_preactivated) is wanted
