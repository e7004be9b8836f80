"""Whether an accuracy says anything at all, or whether guessing would reach it."""

from rnascl_tf.robustness.accuracy import Accuracy


def like_chance(accuracy: Accuracy, classes: int) -> bool:
    """Returns whether an accuracy cannot be told from guessing among 2 or more classes.

    A model that gets images in other units, or of another data set, ends there; what an attack then
    says about it means nothing. True if the 95% interval reaches down to 1 / classes.
    """
    low, _ = accuracy.interval
    return low <= 1.0 / classes
