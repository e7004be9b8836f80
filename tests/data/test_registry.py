import numpy as np
import pytest

from rnascl_tf.data.dataset import DataError
from rnascl_tf.data.digits import load_digits
from rnascl_tf.data.registry import DATASETS, load_dataset


def test_names():
    assert list(DATASETS) == ["digits", "cifar10"]


def test_arguments_reach_the_loader():
    data_set = load_dataset("digits", data_dir=None, validation_examples=200, train_examples=13)
    assert data_set.name == "digits"
    np.testing.assert_array_equal(data_set.train.labels, load_digits().train.labels[:13])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar-10", "'cifar-10': give one of digits, cifar10, did you mean cifar10?"),
        ("imagenet", "'imagenet': give one of digits, cifar10.$"),
        (None, "None: give one of"),
    ],
)
def test_unknown_name_is_answered_with_the_known_ones(name, message):
    with pytest.raises(DataError, match=message):
        load_dataset(name)
