"""Whether an accuracy says anything at all, or whether guessing would reach it."""

from rnascl_tf.robustness.wilson import wilson_interval


def like_chance(correct, count, classes):
    """Whether guessing among the classes cannot be told from an accuracy.

    A model that is fed images in other units, or of another data set, ends there; whatever an attack
    then says of it is about nothing.

    Args:
        correct: how many images are classified correctly.
        count: of how many, 1 or more.
        classes: number of classes, 2 or more.

    Returns:
        True if the 95% Wilson interval reaches down to 1 / classes.
    """
    low, _ = wilson_interval(correct, count)
    return low <= 1.0 / classes
