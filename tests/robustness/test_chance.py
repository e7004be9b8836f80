"""The interval of an accuracy decides whether guessing would reach it."""

import pytest

from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.chance import like_chance


@pytest.mark.parametrize(("correct", "expected"), [(20, True), (28, True), (32, False)])
def test_of_200_images_and_10_classes(correct, expected):
    # By hand: the interval of 28 of 200 begins at 9.9%, of 32 at 11.6%.
    assert like_chance(Accuracy(correct, 200), 10) is expected


def test_fewer_images_say_less():
    assert like_chance(Accuracy(2, 10), 10)
    assert not like_chance(Accuracy(200, 1000), 10)
