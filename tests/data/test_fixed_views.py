"""Which views there are and which an epoch shows: functions of their arguments alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.data.augmentation import Augmentation
from rnascl_tf.data.fixed_views import draws_shown, view_draws, views_shown


@settings(max_examples=15)
@given(
    count=st.integers(1, 13),
    seed=st.integers(0, 99),
    views=st.integers(1, 11),
    block=st.integers(0, 10**6),
)
def test_views_epochs_show_every_view_once(count, seed, views, block):
    epochs = range(block * views, (block + 1) * views)
    shown = np.stack([views_shown(count, seed, epoch, views) for epoch in epochs])
    np.testing.assert_array_equal(
        np.sort(shown, axis=0), np.arange(views)[:, None].repeat(count, 1)
    )


def test_every_order_of_views_is_as_likely():
    orders = np.stack([views_shown(6000, 3, epoch, 3) for epoch in range(3)])
    codes = np.bincount(orders[0] * 3 + orders[1], minlength=9)
    assert (codes[[0, 4, 8]] == 0).all()
    # Chi-square with 5 degrees of freedom: 99.9% of all draws stay below 20.5.
    assert ((codes[[1, 2, 3, 5, 6, 7]] - 1000) ** 2 / 1000).sum() < 20.5


def test_orders_of_seeds_and_blocks_are_drawn_apart():
    first = views_shown(5000, 3, 0, 2).numpy()
    for seed, epoch in ((4, 0), (3, 2), (3, 4)):
        # Four standard deviations of 5000 fair coins.
        assert abs((views_shown(5000, seed, epoch, 2).numpy() == first).mean() - 0.5) < 0.029
    np.testing.assert_array_equal(1 - first, views_shown(5000, 3, 1, 2))


@pytest.mark.parametrize(
    "augmentation", [Augmentation(crop_padding=4, flip=True), Augmentation(resized_crop=True)]
)
def test_each_image_gets_the_draws_of_its_view(augmentation):
    shown = views_shown(17, 5, 8, 3)
    chosen = draws_shown(augmentation, 5, shown, 3)
    for row, view in enumerate(shown.numpy()):
        wanted = view_draws(augmentation, 17, 5, int(view))
        np.testing.assert_array_equal(chosen.crop[row], wanted.crop[row])
        np.testing.assert_array_equal(chosen.coin[row], wanted.coin[row])
