"""Transferred images and Square, on a linear model whose exact answers are known."""

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness import Attacker, BlackBoxFunction, RobustnessError, ThreatModel
from rnascl_tf.robustness.attacks.square import Square
from rnascl_tf.robustness.without_gradients import withstood_without_gradients

EPSILON = 0.02


def answers_of(model):
    return BlackBoxFunction(lambda images: model(tf.constant(images)).numpy())


def measured(model, examples, adversarial, **settings):
    settings = {"square_examples": 11, "square_queries": 300, "batch_size": 5} | settings
    return withstood_without_gradients(
        answers_of(model), *examples, ThreatModel(EPSILON), adversarial, **settings
    )


def test_the_best_attack_of_the_same_model_leaves_nothing_to_square(linear_model, examples):
    images, labels = examples
    best = linear_model.best_attack(images, labels, EPSILON).astype(np.float32)
    found = measured(linear_model, examples, [best])
    exact = linear_model.withstands(images, labels, EPSILON)
    np.testing.assert_array_equal(found.transferred, exact)
    np.testing.assert_array_equal(found.rows, np.arange(11) * 23 // 11)
    # Nothing can break what the best attack did not.
    np.testing.assert_array_equal(found.worst, exact[found.rows])
    assert found.asked == exact[found.rows].sum() > 0


def test_images_that_do_nothing_leave_the_work_to_square(linear_model, examples):
    images, labels = examples
    found = measured(linear_model, examples, [images], square_examples=23)
    clean = linear_model.exact_logits(images).argmax(axis=1) == labels
    np.testing.assert_array_equal(found.clean, clean)
    np.testing.assert_array_equal(found.transferred, clean)
    assert found.asked == clean.sum()
    exact = linear_model.withstands(images, labels, EPSILON)
    assert not (exact & ~found.worst).any()
    # 300 queries find a part of what is there to be found.
    assert exact.sum() <= found.worst.sum() < clean.sum()


def test_an_image_must_withstand_every_attack(linear_model, examples):
    images, labels = examples
    best = linear_model.best_attack(images, labels, EPSILON).astype(np.float32)
    one, other = images.copy(), images.copy()
    one[::2], other[1::2] = best[::2], best[1::2]
    both = measured(linear_model, examples, [one, other], square_examples=0)
    whole = measured(linear_model, examples, [best], square_examples=0)
    np.testing.assert_array_equal(both.transferred, whole.transferred)
    np.testing.assert_array_equal(both.worst, both.transferred)
    assert both.asked is None
    np.testing.assert_array_equal(both.rows, np.arange(23))


def test_square_meets_an_image_alike_whatever_else_stands(linear_model, examples):
    """Else a file and the model it was made from would be attacked by other random numbers."""
    images, labels = examples
    best = linear_model.best_attack(images, labels, EPSILON).astype(np.float32)
    half = images.copy()
    half[::2] = best[::2]
    settings = {"square_examples": 23, "batch_size": 7}
    alone = measured(linear_model, examples, [images], **settings)
    beside = measured(linear_model, examples, [half], **settings)
    np.testing.assert_array_equal(beside.worst, alone.worst & beside.transferred)
    attacker = Attacker(answers_of(linear_model), images, labels, ThreatModel(EPSILON))
    np.testing.assert_array_equal(alone.worst, attacker.withstood(Square("square300", 300)))


def test_what_square_found_is_kept_by_the_model_it_asked(linear_model, examples, tmp_path):
    images, _ = examples
    settings = {"square_examples": 23, "state": tmp_path / "attacked" / "a.npz", "model_id": "one"}
    first = measured(linear_model, examples, [images], **settings)
    asked_before = linear_model.calls
    again = measured(linear_model, examples, [images], **settings)
    np.testing.assert_array_equal(again.worst, first.worst)
    # The clean and the moved images are asked once more, and the guard asks; Square would be 300 times.
    assert linear_model.calls - asked_before < 50
    with pytest.raises(RobustnessError, match="model one there, other here"):
        measured(linear_model, examples, [images], **settings | {"model_id": "other"})


def test_what_square_found_is_not_taken_for_other_images(linear_model, examples, tmp_path):
    """Of an image that the first adversarial images broke, Square has found nothing."""
    images, labels = examples
    best = linear_model.best_attack(images, labels, EPSILON).astype(np.float32)
    half = images.copy()
    half[::2] = best[::2]
    settings = {"square_examples": 23, "state": tmp_path / "a.npz", "model_id": "one"}
    for adversarial in (half, images):
        fresh = measured(linear_model, examples, [adversarial], square_examples=23)
        kept = measured(linear_model, examples, [adversarial], **settings)
        np.testing.assert_array_equal(kept.worst, fresh.worst)
        assert kept.asked == fresh.asked


def test_other_images_than_the_models_are_tried_too(linear_model, examples):
    images, labels = examples
    moved = np.roll(images, 1, axis=0)
    found = measured(linear_model, examples, [moved], square_examples=0)
    wanted = linear_model.exact_logits(moved).argmax(axis=1) == labels
    np.testing.assert_array_equal(found.transferred, found.clean & wanted)


def test_no_image_is_asked_about_that_is_not_attacked(linear_model, examples):
    """A batch of 100 for the few that are left would ask for each of its hundred."""
    images, labels = examples
    best = linear_model.best_attack(images, labels, EPSILON).astype(np.float32)
    asked = []

    def answers(batch):
        asked.append(len(batch))
        return linear_model(tf.constant(batch)).numpy()

    found = withstood_without_gradients(
        BlackBoxFunction(answers),
        images,
        labels,
        ThreatModel(EPSILON),
        [best],
        square_examples=11,
        square_queries=50,
        batch_size=23,
    )
    assert 0 < found.asked < 11
    assert asked[-1] == found.asked
