import numpy as np

from rnascl_tf.robustness.classification_margin import margins


def test_against_numpy():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(13, 7)).astype(np.float32)
    labels = generator.integers(0, 7, 13)
    expected = [row[y] - max(np.delete(row, y)) for row, y in zip(logits, labels, strict=True)]
    np.testing.assert_array_equal(margins(logits, labels), np.float32(expected))


def test_ties_are_judged_as_argmax_judges_them():
    logits = np.float32([[1, 2, 2], [1, 2, 2], [3, 3, 3]])
    found = margins(logits, np.array([1, 2, 0]))
    assert (found > 0).tolist() == [True, False, True]
    assert abs(found).max() < 1e-30
