"""The nearest known name to a misspelt one."""

import pytest

from rnascl_tf.spelling import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "known", "name"),
    [
        ("atack", ("attack", "ablate"), "attack"),
        ("s3", ("S3", "S5"), "S3"),
        ("PGD20", ("fgsm", "pgd20"), "pgd20"),
        ("mnist", ("digits", "cifar10"), None),
        (3, (1, 2), None),
        (None, ("digits",), None),
        ("", ("digits",), None),
    ],
)
def test_nearest_whatever_its_case(word, known, name):
    assert nearest(word, known) == name
    assert did_you_mean(word, known) == ("" if name is None else f" (did you mean {name}?)")


def test_a_lower_cutoff_finds_more():
    assert nearest("wang2023_wrn", ["wang2023_wrn70_16_of_another_one"]) is None
    assert nearest("wang2023_wrn", ["wang2023_wrn70_16_of_another_one"], 0.5) is not None
