"""scikit-learn's handwritten digits as 32x32 RGB images: real scans that come inside a wheel.

The 1,797 scans are 8x8 with ink from 0 to 16. They are enlarged four times, bilinearly (pixel
centres at half-integers, edges repeated), ink v becomes round(v * 255 / 16), and the one channel is
repeated three times.

The split is stratified by digit and never changes: 1,197 training, 200 validation, 400 test scans,
drawn with a fixed seed, so that runs with different seeds are tested on the same scans. Fewer can be
asked for; what is left out is not used.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn import datasets, model_selection

from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.examples import Examples, rows_of_count
from rnascl_tf.data.places import DATA_DIR_FLAG, no_folder

SIZE = 32
TRAIN_EXAMPLES, VALIDATION_EXAMPLES, TEST_EXAMPLES = 1197, 200, 400
LICENSE = "CC BY 4.0: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998"
_MAX_INK = 16
_SPLIT_SEED = 20230119


def load_digits(
    *,
    data_dir: str | Path | None = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    flag: str = DATA_DIR_FLAG,
) -> DataSet:
    """Loads the digits.

    Args:
        data_dir: must be unset, because nothing is read from a folder.
        validation_examples: take only this many of the 200 validation examples, evenly spaced; the
            rest is not used.
        train_examples: take only this many training examples, the first; 1..1197.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: an argument is out of its range.
    """
    no_folder("digits", data_dir, flag)
    if validation_examples is None:
        validation_examples = VALIDATION_EXAMPLES
    rows_of_count(validation_examples, VALIDATION_EXAMPLES, "validation_examples")
    scans = datasets.load_digits()
    images, labels = enlarge(scans.images), scans.target.astype(np.int32)
    every = Examples(images, labels)
    rest, test_rows = _split(np.arange(len(labels)), labels, TEST_EXAMPLES)
    train_rows, validation_rows = _split(rest, labels, VALIDATION_EXAMPLES)
    train = every.select(train_rows)
    brightness = train.as_float()[..., 0].astype(np.float64)
    return DataSet(
        name="digits",
        train=train if train_examples is None else train.first(train_examples),
        validation=every.select(validation_rows).evenly_spaced(validation_examples),
        test=every.select(test_rows),
        class_names=tuple(str(digit) for digit in range(10)),
        mean=(round(float(brightness.mean()), 4),) * 3,
        std=(round(float(brightness.std()), 4),) * 3,
        license=LICENSE,
    )


def enlarge(scans: np.ndarray) -> np.ndarray:
    """Returns 8x8 scans as 32x32 RGB images.

    Args:
        scans: float [n, 8, 8], ink 0..16.

    Returns:
        uint8 [n, 32, 32, 3], 0..255.
    """
    ink = tf.image.resize(scans[..., None], (SIZE, SIZE), method="bilinear").numpy()
    gray = np.rint(ink.astype(np.float64) * 255 / _MAX_INK).astype(np.uint8)
    return np.repeat(gray, 3, axis=-1)


def _split(rows: np.ndarray, labels: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits `rows` in two, the second with `held_out` rows, both stratified by label."""
    return model_selection.train_test_split(
        rows, test_size=held_out, random_state=_SPLIT_SEED, stratify=labels[rows]
    )
