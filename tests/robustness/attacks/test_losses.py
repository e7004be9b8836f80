import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

from rnascl_tf.robustness.attacks.losses import (
    cross_entropy,
    dlr_loss,
    margin_loss,
    targeted_dlr_loss,
)
from rnascl_tf.robustness.threat_model import RobustnessError

CLASSES = 7


def exact_margin(labels, logits):
    others = logits.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return others.max(axis=1) - logits[np.arange(len(labels)), labels]


def exact_cross_entropy(labels, logits):
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]


def exact_dlr(labels, logits):
    ordered = np.sort(logits, axis=1)
    return exact_margin(labels, logits) / (ordered[:, -1] - ordered[:, -3])


def exact_targeted_dlr(labels, logits, targets):
    rows = np.arange(len(labels))
    ordered = np.sort(logits, axis=1)
    gap = ordered[:, -1] - (ordered[:, -3] + ordered[:, -4]) / 2
    return (logits[rows, targets] - logits[rows, labels]) / gap


LOSSES = [
    (cross_entropy, exact_cross_entropy),
    (margin_loss, exact_margin),
    (dlr_loss, exact_dlr),
    (targeted_dlr_loss, exact_targeted_dlr),
]


def random_case(count=41, seed=5):
    """Logits whose true class has any rank, and targets other than it."""
    generator = np.random.default_rng(seed)
    logits = 3 * generator.normal(size=(count, CLASSES))
    labels = generator.integers(CLASSES, size=count)
    targets = (labels + generator.integers(1, CLASSES, size=count)) % CLASSES
    return logits, labels, targets


def arguments_of(loss, labels, logits, targets):
    return (labels, logits, targets) if loss is targeted_dlr_loss else (labels, logits)


@pytest.mark.parametrize(("loss", "exact"), LOSSES)
def test_values(loss, exact):
    logits, labels, targets = random_case()
    ranks = (logits > logits[np.arange(41), labels][:, None]).sum(axis=1)
    assert len(set(ranks)) == CLASSES
    found = loss(*arguments_of(loss, labels, tf.constant(logits, tf.float32), targets))
    assert (found.shape, found.dtype) == ((41,), tf.float32)
    expected = exact(*arguments_of(loss, labels, logits, targets))
    # Logits of up to 10 are rounded to 5e-7, and the smallest gap divided by is 0.5.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize(("loss", "exact"), LOSSES)
def test_gradients(loss, exact):
    logits, labels, targets = random_case()
    variable = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        values = loss(*arguments_of(loss, labels, variable, targets))
    gradient = tape.gradient(values, variable).numpy()
    # Central differences of a smooth function in float64: an error of about 1e-10 here.
    width = 1e-6
    for other in range(CLASSES):
        change = np.zeros(CLASSES)
        change[other] = width
        above, below = (
            exact(*arguments_of(loss, labels, logits + sign * change, targets)) for sign in (1, -1)
        )
        np.testing.assert_allclose(gradient[:, other], (above - below) / (2 * width), atol=1e-7)


rows_of_logits = arrays.arrays(
    np.float32, (3, 5), elements=strategies.integers(-40, 40).map(lambda whole: whole / 4)
)


@hypothesis.given(
    rows_of_logits, strategies.lists(strategies.integers(0, 4), min_size=3, max_size=3)
)
@hypothesis.settings(max_examples=60)
def test_dlr_is_positive_exactly_when_misclassified(logits, labels):
    labels = np.array(labels)
    values = dlr_loss(labels, tf.constant(logits)).numpy()
    np.testing.assert_array_equal(values > 0.0, exact_margin(labels, logits) > 0.0)
    targets = (labels + 1) % 5
    rows = np.arange(3)
    values = targeted_dlr_loss(labels, tf.constant(logits), targets).numpy()
    np.testing.assert_array_equal(values > 0.0, logits[rows, targets] > logits[rows, labels])


@pytest.mark.parametrize("loss", [dlr_loss, targeted_dlr_loss])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 8.0), (1024.0, 0.0), (2.0**-10, 0.0)])
def test_dlr_does_not_see_scale_and_shift(loss, scale, shift):
    logits, labels, targets = random_case()
    # Multiples of 1/64, so that shifting them rounds nothing.
    logits = np.round(logits * 64) / 64
    before, after = (
        loss(*arguments_of(loss, labels, tf.constant(values, tf.float32), targets))
        for values in (logits, logits * scale + shift)
    )
    # 1e-12 beside gaps of 1e-4 and more, and float32.
    np.testing.assert_allclose(before, after, rtol=1e-6)


def test_dlr_of_a_correct_image_lies_between_minus_one_and_zero():
    logits, _, _ = random_case()
    values = dlr_loss(logits.argmax(axis=1), tf.constant(logits)).numpy()
    assert (values <= 0.0).all()
    assert (values >= -1.0).all()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e4, 3e38])
@pytest.mark.parametrize("tied", [2, 3, 4, 5])
@pytest.mark.parametrize("loss", [cross_entropy, margin_loss, dlr_loss, targeted_dlr_loss])
def test_ties_never_give_nan(loss, tied, value):
    logits = np.full((5, 5), value, np.float32)
    logits[:, tied:] -= 7.0 if value < 1e30 else 1e37
    labels = np.arange(5)
    targets = (labels + 1) % 5
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss(*arguments_of(loss, labels, logits, targets))
    # The largest float over the smallest gap is infinite, which still has a sign.
    assert not np.isnan(values).any()
    if value < 1e30:
        assert np.isfinite(values).all()
        assert np.isfinite(tape.gradient(values, logits)).all()


@pytest.mark.parametrize(
    ("loss", "least"), [(dlr_loss, 3), (targeted_dlr_loss, 4)], ids=["dlr", "targeted"]
)
def test_too_few_classes_are_refused(loss, least):
    labels, targets = np.array([0, 1]), np.array([1, 0])
    for classes in range(2, 6):
        logits = tf.constant(np.random.default_rng(0).normal(size=(2, classes)))
        if classes >= least:
            loss(*arguments_of(loss, labels, logits, targets))
            continue
        with pytest.raises(RobustnessError, match=f"needs {least} classes.* has {classes}") as said:
            loss(*arguments_of(loss, labels, logits, targets))
        assert "\n" not in str(said.value)


@pytest.mark.parametrize("loss", [dlr_loss, targeted_dlr_loss])
def test_a_graph_that_does_not_know_its_classes(loss):
    logits, labels, targets = random_case()
    logits = logits.astype(np.float32)
    traced = tf.function(
        lambda unknown: loss(*arguments_of(loss, labels, unknown, targets)),
        input_signature=[tf.TensorSpec([None, None], tf.float32)],
    )
    expected = loss(*arguments_of(loss, labels, tf.constant(logits), targets))
    # The same operations, perhaps fused.
    np.testing.assert_allclose(traced(logits), expected, rtol=1e-6)
