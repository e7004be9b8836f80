"""Writing ImageNet-100's image files out of TFDS' prepared ImageNet, once.

TFDS keeps all 1,000 classes in streams of records (144 GB), which cannot be read in random order as
training does. So the 126,689 + 5,000 images of the 100 classes (about 16 GB) are copied to
SPLIT/WNID/NAME. They stay encoded; no image is decoded.

Each file is written whole or not at all, and existing files are not written again, so a stopped copy
continues where it was. `complete.json` is written last.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from rnascl_tf.data.class_folders import listed
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.imagenet100_classes import WORDNET_IDS
from rnascl_tf.data.places import COMPLETE
from rnascl_tf.files import write_bytes, write_json

# ImageNet's validation images are our test split, in the folder that ImageNet's users expect.
_SPLITS = {"train": "train", "validation": "val"}
_SECONDS_BETWEEN_REPORTS = 10


def prepared_imagenet(data_dir: Path) -> tfds.core.DatasetBuilder | None:
    """Returns the TFDS builder of the newest prepared imagenet2012 in a folder, or None.

    Raises:
        DataError: it is incomplete.
    """
    folders = [path.parent for path in (data_dir / "imagenet2012").glob("*/dataset_info.json")]
    if not folders:
        return None
    folder = max(folders, key=lambda path: tfds.core.Version(path.name))
    try:
        builder = tfds.builder_from_directory(folder)
    except Exception as error:  # whatever TFDS' parsers of the folder's JSON files raise
        raise DataError(
            f"{folder} is not a complete TFDS data set: prepare it again ({error})."
        ) from error
    missing = [split for split in _SPLITS if split not in builder.info.splits]
    if missing:
        raise DataError(
            f"{folder} lacks the split {listed(missing)}: prepare it again with both archives."
        )
    return builder


def extract(builder: tfds.core.DatasetBuilder, folder: Path) -> None:
    """Writes the images of the 100 classes to `folder`/{train,val}/WNID/NAME.

    Args:
        builder: of a prepared imagenet2012.
        folder: created if it is missing.

    Raises:
        DataError: the prepared files do not know the 100 classes, or are broken.
    """
    names = builder.info.features["label"].names
    unknown = [name for name in WORDNET_IDS if name not in (names or ())]
    if unknown:
        raise DataError(
            f"{builder.data_path} does not name the classes {listed(unknown)}: prepare it again "
            "with TFDS, which labels imagenet2012 by WordNet ids."
        )
    # By name, because TFDS' labels are positions in its own list of 1,000.
    wanted = tf.constant([names.index(name) for name in WORDNET_IDS], tf.int64)
    logging.info("imagenet100: copying 100 classes of %s to %s", builder.data_path, folder)
    counts = {
        split: _copy(builder, source, wanted, names, folder / split)
        for source, split in _SPLITS.items()
    }
    write_json(folder / COMPLETE, {"source": str(builder.data_path), "images": counts})


def _copy(
    builder: tfds.core.DatasetBuilder,
    source: str,
    wanted: tf.Tensor,
    names: Sequence[str],
    folder: Path,
) -> int:
    """Copies one split; returns its number of images."""
    total = builder.info.splits[source].num_examples
    for label in wanted.numpy():
        (folder / names[label]).mkdir(parents=True, exist_ok=True)
    try:
        return _write(_encoded(builder, source, wanted), names, folder, total)
    except tf.errors.OpError as error:
        raise DataError(
            f"a file of split {source} in {builder.data_path} is missing or broken: copy or prepare "
            "it again."
        ) from error


def _encoded(builder: tfds.core.DatasetBuilder, source: str, wanted: tf.Tensor) -> tf.data.Dataset:
    """Returns (position in the split, example) of the wanted classes, images still encoded."""
    examples = builder.as_dataset(
        split=source,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    return examples.enumerate().filter(
        lambda _, example: tf.reduce_any(tf.equal(example["label"], wanted))
    )


def _write(examples: tf.data.Dataset, names: Sequence[str], folder: Path, total: int) -> int:
    count, reported = 0, time.monotonic()
    for position, example in examples.as_numpy_iterator():
        count += 1
        path = folder / names[example["label"]] / example["file_name"].decode()
        if not path.exists():
            write_bytes(path, example["image"])
        if time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            logging.info(
                "imagenet100: %d images copied, %d%% of %s", count, 100 * position // total, folder
            )
    return count
