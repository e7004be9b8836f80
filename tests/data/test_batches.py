import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.data.batches import (
    evaluation_batches,
    steps_per_epoch,
    training_batches,
    view_batches,
)
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import Examples


def examples_of(count, height=5, width=7):
    pixels = np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)
    return Examples(pixels, np.arange(count, dtype=np.int32) % 11)


def take(batches, count):
    return list(batches.take(count).as_numpy_iterator())


def assert_same_batches(first, second):
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_batches_are_rows_of_the_examples():
    examples = examples_of(23)
    images = examples.as_float()
    for batch in take(training_batches(examples, batch_size=5, seed=3), 9):
        assert batch["index"].dtype == np.int64
        assert batch["image"].dtype == np.float32
        assert batch["label"].dtype == np.int32
        np.testing.assert_array_equal(batch["label"], examples.labels[batch["index"]])
        # Bit for bit: the stored pixels and the batch go through the same arithmetic.
        np.testing.assert_array_equal(batch["image"], images[batch["index"]])


def test_shapes_are_static_and_the_stream_endless():
    batches = training_batches(examples_of(23), batch_size=5, seed=3, crop_padding=2, flip=True)
    assert batches.element_spec == {
        "image": tf.TensorSpec((5, 5, 7, 3), tf.float32),
        "label": tf.TensorSpec((5,), tf.int32),
        "index": tf.TensorSpec((5,), tf.int64),
    }
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY


@settings(max_examples=10)
@given(count=st.integers(1, 31), data=st.data())
def test_an_epoch_shows_no_example_twice(count, data):
    batch_size = data.draw(st.integers(1, count))
    steps = steps_per_epoch(examples_of(count), batch_size)
    assert steps == count // batch_size
    batches = take(training_batches(examples_of(count), batch_size=batch_size, seed=1), 2 * steps)
    for epoch in (batches[:steps], batches[steps:]):
        rows = np.concatenate([batch["index"] for batch in epoch])
        assert len(set(rows.tolist())) == steps * batch_size


def test_epochs_differ_in_order_and_in_what_they_leave_out():
    batches = take(training_batches(examples_of(23), batch_size=5, seed=3), 4 * 30)
    epochs = [
        tuple(np.concatenate([batch["index"] for batch in batches[4 * e : 4 * e + 4]]).tolist())
        for e in range(30)
    ]
    assert len(set(epochs)) == 30
    # Each row is left out of an epoch with probability 3/23; of all 30 never. The seed is fixed.
    assert set(itertools.chain(*epochs)) == set(range(23))


def test_every_row_comes_first_equally_often():
    batches = take(training_batches(examples_of(7), batch_size=7, seed=0), 700)
    counts = np.bincount([batch["index"][0] for batch in batches], minlength=7)
    # Chi-square with 6 degrees of freedom: 99.9% of all draws stay below 22.5.
    assert ((counts - 100) ** 2 / 100).sum() < 22.5


@pytest.mark.parametrize(("first_epoch", "first_step"), [(1, 0), (3, 2)])
@pytest.mark.parametrize("views", [0, 3])
@pytest.mark.parametrize("crop", [{"crop_padding": 2}, {"resized_crop": True}])
def test_a_resumed_run_sees_the_same_batches(first_epoch, first_step, views, crop):
    arguments = {"batch_size": 5, "seed": 3, "flip": True, "views": views, **crop}
    whole = take(training_batches(examples_of(23), **arguments), 5 * 4)
    resumed = training_batches(
        examples_of(23), first_epoch=first_epoch, first_step=first_step, **arguments
    )
    done = first_epoch * 4 + first_step
    assert_same_batches(take(resumed, 5 * 4 - done), whole[done:])


def views_of(examples, views, **arguments):
    """Every view of every example, float32 [views, n, height, width, 3]."""
    return np.stack(
        [
            np.concatenate([b["image"] for b in view_batches(examples, view, **arguments)])
            for view in range(views)
        ]
    )


@pytest.mark.parametrize("crop", [{"crop_padding": 2}, {"resized_crop": True}])
def test_epochs_show_the_fixed_views_each_once(crop):
    examples, views, epochs = examples_of(21), 3, 6
    arguments = {"seed": 3, "flip": True, **crop}
    known = views_of(examples, views, batch_size=4, **arguments)
    # 3 full batches: no row is left out.
    stream = training_batches(examples, batch_size=7, views=views, **arguments)
    seen = np.zeros((epochs, len(examples)), int)
    for step, batch in enumerate(take(stream, 3 * epochs)):
        assert batch["view"].dtype == np.int64
        np.testing.assert_array_equal(batch["image"], known[batch["view"], batch["index"]])
        np.testing.assert_array_equal(batch["label"], examples.labels[batch["index"]])
        seen[step // 3, batch["index"]] = batch["view"]
    for block in (seen[:3], seen[3:]):
        np.testing.assert_array_equal(np.sort(block, axis=0).T, [[0, 1, 2]] * 21)
    # Six orders of three views: 21 images have more than one, and another one in the next epochs.
    assert len({tuple(order) for order in seen[:3].T}) > 1
    assert (seen[:3] != seen[3:]).any()


def test_views_of_a_pass_are_in_order_and_complete():
    examples = examples_of(23)
    batches = list(view_batches(examples, 1, batch_size=5, seed=3, crop_padding=2))
    assert [len(batch["label"]) for batch in batches] == [5, 5, 5, 5, 3]
    joined = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    np.testing.assert_array_equal(joined["index"], np.arange(23))
    np.testing.assert_array_equal(joined["label"], examples.labels)
    np.testing.assert_array_equal(joined["view"], np.ones(23))


def test_views_differ_and_do_not_depend_on_their_number_or_the_batches():
    examples = examples_of(23)
    arguments = {"seed": 3, "crop_padding": 4, "flip": True}
    views = views_of(examples, 5, batch_size=5, **arguments)
    for one, other in itertools.combinations(views, 2):
        same = (one == other).all(axis=(1, 2, 3))
        assert same.mean() < 0.2  # 162 views are possible
    np.testing.assert_array_equal(views_of(examples, 2, batch_size=23, **arguments), views[:2])
    for batch in take(training_batches(examples, batch_size=7, views=2, **arguments), 3):
        np.testing.assert_array_equal(batch["image"], views[batch["view"], batch["index"]])
    other_seed = views_of(examples, 1, batch_size=5, **arguments | {"seed": 4})
    assert (other_seed[0] != views[0]).any(axis=(1, 2, 3)).mean() > 0.8


def test_seed_decides_order_and_augmentation():
    arguments = {"batch_size": 5, "crop_padding": 2, "flip": True}
    first = take(training_batches(examples_of(23), seed=3, **arguments), 4)
    assert_same_batches(take(training_batches(examples_of(23), seed=3, **arguments), 4), first)
    other = take(training_batches(examples_of(23), seed=4, **arguments), 4)
    assert [b["index"].tolist() for b in other] != [b["index"].tolist() for b in first]


def augmentations(seed, **arguments):
    """What the augmentation did to one and the same image, per epoch and step."""
    image = np.random.default_rng(0).integers(1, 256, (1, 5, 7, 3), np.uint8)
    same = Examples(image.repeat(8, axis=0), np.zeros(8, np.int32))
    batches = take(training_batches(same, batch_size=4, seed=seed, **arguments), 6)
    return [batch["image"].tobytes() for batch in batches]


def test_every_step_of_every_epoch_is_augmented_anew():
    results = augmentations(3, crop_padding=4, flip=True) + augmentations(4, crop_padding=4)
    assert len(set(results)) == 12


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ({}, False),
        ({"crop_padding": 2}, True),
        ({"flip": True}, True),
        ({"resized_crop": True}, True),
    ],
)
def test_augmentation_happens_where_it_is_wished(arguments, changes):
    assert (len(set(augmentations(3, **arguments))) > 1) == changes


def test_crop_and_flip_are_drawn_apart():
    # One bright pixel off the centre of width 13 tells the flip (side) and the crop (shift) at once.
    image = np.zeros((1, 9, 13, 3), np.uint8)
    image[0, 4, 2] = 255
    same = Examples(image.repeat(4000, axis=0), np.zeros(4000, np.int32))
    (batch,) = take(training_batches(same, batch_size=4000, seed=3, crop_padding=1, flip=True), 1)
    _, _, columns = np.nonzero(batch["image"][..., 0])
    counts = np.bincount(columns, minlength=13)
    assert counts[[1, 2, 3, 9, 10, 11]].sum() == 4000
    # Six cells of 667 each, standard deviation 23.6; four of them.
    assert np.abs(counts[[1, 2, 3, 9, 10, 11]] - 4000 / 6).max() < 95


def test_resized_crops_differ_within_a_batch():
    image = np.random.default_rng(0).integers(1, 256, (1, 5, 7, 3), np.uint8)
    same = Examples(image.repeat(8, axis=0), np.zeros(8, np.int32))
    (batch,) = take(training_batches(same, batch_size=8, seed=3, resized_crop=True), 1)
    assert batch["image"].shape == (8, 5, 7, 3)
    # Two of 8 boxes may coincide in so small an image.
    assert len({crop.tobytes() for crop in batch["image"]}) > 5


def test_evaluation_keeps_order_and_remainder():
    examples = examples_of(23)
    batches = list(evaluation_batches(examples, 5).as_numpy_iterator())
    assert [len(batch["label"]) for batch in batches] == [5, 5, 5, 5, 3]
    joined = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    np.testing.assert_array_equal(joined["index"], np.arange(23))
    np.testing.assert_array_equal(joined["label"], examples.labels)
    np.testing.assert_array_equal(joined["image"], examples.as_float())
    spec = evaluation_batches(examples, 5).element_spec
    assert spec == {
        "image": tf.TensorSpec((None, 5, 7, 3), tf.float32),
        "label": tf.TensorSpec((None,), tf.int32),
        "index": tf.TensorSpec((None,), tf.int64),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 24}, "batch_size must be 1 to 23 .*got 24"),
        ({"batch_size": 0}, "batch_size must be 1 to 23 .*got 0"),
        ({"first_epoch": -1}, "first_epoch must be 0 or more, got -1"),
        ({"crop_padding": -2}, "crop_padding must be 0 or more pixels, got -2"),
        ({"crop_padding": 4, "resized_crop": True}, "set crop_padding=0, got 4"),
        ({"views": -1}, "views must be 0 .*or more, got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        training_batches(examples_of(23), **{"batch_size": 5, "seed": 3, **arguments})


def test_evaluation_in_batches_of_none_is_refused():
    with pytest.raises(DataError, match="1 or more, got 0"):
        evaluation_batches(examples_of(3), 0)
