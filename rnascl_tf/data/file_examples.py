"""Labelled image files, decoded when they are asked for: ImageNet-100 is 19 GB at 224x224.

The resized images of a split are kept once they have been read, if they take at most `MEMORY_BYTES`:
a small folder of large photos is then decoded in the first epoch only. Random-resized crops are
always cut out of the original image.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import LabelledImages, threads
from rnascl_tf.data.image_files import open_image
from rnascl_tf.data.resized_crop import central_crop

MEMORY_BYTES = 1 << 30


class FileExamples(LabelledImages):
    """Labelled image files.

    Args:
        folder: the folder that the paths are relative to.
        paths: one for each example, with slashes.
        labels: int32 [n], 0 or more.
        image_size: side of the square images that `pixels` and `crops` give.
        margin: of the central crop in `pixels`, see `resized_crop.central_crop`.

    Raises:
        DataError: the lengths differ or there is no example; or later, when an image is read, its
            file is missing or broken.
    """

    def __init__(
        self,
        folder: str | Path,
        paths: Sequence[str] | np.ndarray,
        labels: np.ndarray,
        image_size: int,
        margin: float = 1.0,
    ) -> None:
        if not len(paths) or len(paths) != len(labels):
            raise DataError(
                f"got {len(labels)} labels for {len(paths)} files, wanted at least one file and one "
                "label for each."
            )
        self._folder = Path(folder)
        self._paths = np.asarray(paths, dtype=object)
        self.labels = np.asarray(labels, np.int32)
        self._size = (image_size, image_size)
        self._margin = margin
        shape = (len(paths), *self.image_shape)
        self._kept = np.empty(shape, np.uint8) if np.prod(shape) <= MEMORY_BYTES else None
        self._is_kept = np.zeros(len(paths), bool)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(image_size, image_size, 3)."""
        return (*self._size, 3)

    def path(self, row: int) -> Path:
        """Returns the file of a row."""
        return self._folder / self._paths[row]

    def original(self, row: int) -> Image.Image:
        """Returns the image of one row in its own size, in RGB."""
        return open_image(self.path(row))

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Returns the images of `rows`, int [b], resized and centrally cropped.

        Returns:
            uint8 [b, image_size, image_size, 3].
        """
        rows = np.asarray(rows)
        if self._kept is None:
            return np.stack(list(threads().map(self._resized, rows)))
        missing = rows[~self._is_kept[rows]]
        # Several batches may read one row at the same time, but they write the same pixels.
        for row, image in zip(missing, threads().map(self._resized, missing), strict=True):
            self._kept[row] = image
            self._is_kept[row] = True
        return self._kept[rows]

    def select(self, rows: slice | np.ndarray) -> "FileExamples":
        """Returns the examples of `rows`, a slice or int [b]."""
        return FileExamples(
            self._folder, self._paths[rows], self.labels[rows], self._size[0], self._margin
        )

    def fingerprint(self) -> str:
        """Returns a hexadecimal digest of the files' labels, names and sizes in bytes."""
        digest = hashlib.sha256(self.labels.tobytes())
        for row, path in enumerate(self._paths):
            digest.update(f"{path}\0{self.path(row).stat().st_size}\0".encode())
        return digest.hexdigest()

    def _resized(self, row: int) -> np.ndarray:
        return np.asarray(central_crop(self.original(row), self._size, self._margin))
