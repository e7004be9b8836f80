import dataclasses

import numpy as np
import pytest

from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import Examples


def examples_of(count, height=5, width=7, labels=None):
    pixels = np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)
    if labels is None:
        labels = np.arange(count) % 3
    return Examples(pixels, np.asarray(labels, np.int32))


def data_set(**changes):
    fields = {
        "name": "tiny",
        "train": examples_of(11),
        "validation": examples_of(5),
        "test": examples_of(3),
        "class_names": ("ant", "bee", "cow"),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "license": "CC0",
    }
    return DataSet(**{**fields, **changes})


def test_data_set_counts_classes_and_knows_its_shape():
    tiny = data_set()
    assert tiny.num_classes == 3
    assert tiny.input_shape == (5, 7, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny.name = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": examples_of(3, height=7, width=5)}, r"test images are \(7, 5, 3\)"),
        ({"validation": examples_of(2, labels=[0, 3])}, "label 3 in validation, but only 3"),
        ({"mean": (0.5,)}, "three numbers"),
        ({"std": (0.1, 0.0, 0.1)}, "std positive"),
    ],
)
def test_inconsistent_data_set_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        data_set(**changes)
