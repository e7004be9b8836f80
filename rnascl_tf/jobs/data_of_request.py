"""The data set that a request names, with errors that name the request's own fields."""

from __future__ import annotations

from pathlib import Path

from rnascl_tf import data
from rnascl_tf.data.registry import DATASETS
from rnascl_tf.spelling import did_you_mean


def check_dataset_name(name: str) -> None:
    """Raises DataError if there is no data set of this name; imports no data set."""
    if name not in DATASETS:
        raise data.DataError(
            f"unknown data set --dataset={name}{did_you_mean(name, DATASETS)}: give one of "
            f"{', '.join(DATASETS)}."
        )


def load_dataset(
    name: str,
    data_dir: str | Path | None,
    image_size: int | None,
    resized_crop: bool = False,
) -> data.DataSet:
    """Returns a data set; see `data.load_dataset`.

    Raises:
        DataError: the data is missing or broken, or a value is out of range.
    """
    try:
        return data.load_dataset(
            name, data_dir=data_dir, image_size=image_size, resized_crop=resized_crop
        )
    except data.DataError as error:  # it names the main command's flag
        message = str(error).replace("--config.data.data_dir", "--data_dir")
        raise data.DataError(message) from error
