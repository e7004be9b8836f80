"""The data set that a request names, with errors that name the request's own fields."""

from __future__ import annotations

from pathlib import Path

from rnascl_tf import data
from rnascl_tf.spelling import did_you_mean

FLAG = "--data_dir"


def check_dataset(name: str, data_dir: str | Path | None) -> None:
    """Refuses an unknown data set, and a folder that cannot hold it; reads no images.

    Raises:
        DataError: the message says which names there are, or what the folder should be.
    """
    if name not in data.DATASETS:
        raise data.DataError(
            f"unknown data set --dataset={name}{did_you_mean(name, data.DATASETS)}: give one of "
            f"{', '.join(data.DATASETS)}."
        )
    data.check_place(name, data_dir, FLAG)


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
    return data.load_dataset(
        name, data_dir=data_dir, image_size=image_size, resized_crop=resized_crop, flag=FLAG
    )
