"""Data sets in memory or on disk, and the batches that training and evaluation read from them."""

from rnascl_tf.data.batches import evaluation_batches, steps_per_epoch, training_batches
from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.errors import DataError, data_errors
from rnascl_tf.data.examples import Examples, LabelledImages, unit_range
from rnascl_tf.data.file_examples import FileExamples
from rnascl_tf.data.image_files import read_images
from rnascl_tf.data.registry import DATASETS, load_dataset
from rnascl_tf.data.replicas import shared_batches
from rnascl_tf.data.resized_crop import MARGIN

__all__ = [
    "DATASETS",
    "MARGIN",
    "DataError",
    "DataSet",
    "Examples",
    "FileExamples",
    "LabelledImages",
    "data_errors",
    "evaluation_batches",
    "load_dataset",
    "read_images",
    "shared_batches",
    "steps_per_epoch",
    "training_batches",
    "unit_range",
]
