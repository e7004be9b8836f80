import numpy as np
import pytest

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.logit_agreement import Agreement, agreement


def test_a_case_by_hand():
    reference = np.array([[1.0, 2.0, 0.0], [5.0, 4.0, 3.0], [0.0, 0.0, 1.0]])
    logits = np.array([[1.0, 3.5, 0.0], [4.0, 4.5, 3.0], [0.25, 0.0, 1.0]])
    assert agreement(reference, logits) == Agreement(n=3, top1=2 / 3, max_difference=1.5)


def test_the_same_logits_agree():
    logits = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    assert agreement(logits, logits) == Agreement(n=7, top1=1.0, max_difference=0.0)


def test_results_are_plain_numbers():
    # They are written to JSON, which takes no NumPy scalar.
    result = agreement(np.eye(3), np.eye(3))
    assert (type(result.n), type(result.top1), type(result.max_difference)) == (int, float, float)


@pytest.mark.parametrize(
    ("reference", "logits"),
    [
        (np.zeros((7, 5)), np.zeros((5, 7))),
        (np.zeros((7, 5)), np.zeros((1, 5))),
        (np.zeros(5), np.zeros(5)),
        (np.zeros((0, 5)), np.zeros((0, 5))),
    ],
)
def test_other_shapes_are_refused(reference, logits):
    with pytest.raises(DeployError, match=r"two arrays of the same shape \[n, classes\]"):
        agreement(reference, logits)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_logits_that_are_not_finite_are_refused(value, side):
    pair = [np.zeros((7, 5)), np.zeros((7, 5))]
    pair[side][3, 2] = value
    with pytest.raises(DeployError, match="NaN or infinite"):
        agreement(*pair)
