"""Data sets as arrays in memory, and the batches that training and evaluation read from them."""

from rnascl_tf.data.batches import evaluation_batches, steps_per_epoch, training_batches
from rnascl_tf.data.dataset import DataError, DataSet, Examples, unit_range
from rnascl_tf.data.image_files import read_images
from rnascl_tf.data.registry import DATASETS, load_dataset

__all__ = [
    "DATASETS",
    "DataError",
    "DataSet",
    "Examples",
    "evaluation_batches",
    "load_dataset",
    "read_images",
    "steps_per_epoch",
    "training_batches",
    "unit_range",
]
